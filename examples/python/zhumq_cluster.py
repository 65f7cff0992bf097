"""A connection to any broker of a cluster, and a simple retry: after an error, a new connection to the next address."""
import itertools
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'generated'))

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TException
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport
from zhumq.common.ttypes import RequestFailed
from zhumq.record import RecordService


def text(value):
    """What a value looks like: it may be no text, and a tombstone has none."""
    return '(no value)' if value is None else value.decode(errors='replace')


class Cluster:
    def __init__(self, bootstrap, timeout_s=45):
        self.addresses = itertools.cycle(bootstrap.split(','))
        self.timeout_s = timeout_s  # longer than any call waits at the broker
        self.protocol = None

    def client(self):
        if self.protocol is None:
            host, port = next(self.addresses).rsplit(':', 1)
            socket = TSocket(host, int(port))
            socket.setTimeout(self.timeout_s * 1000)
            transport = TFramedTransport(socket)
            transport.open()
            self.protocol = TBinaryProtocol(transport)
        return RecordService.Client(self.protocol)

    def close(self):
        if self.protocol is not None:
            self.protocol.trans.close()
            self.protocol = None

    def retrying(self, work):
        """work(client), again and again until it returns; what can not be cured by waiting is raised."""
        while True:
            try:
                return work(self.client())
            except RequestFailed as refused:
                if not refused.failure.retriable:
                    raise
                print(f'{refused.failure.name}: {refused.failure.message}', file=sys.stderr)
            except (TException, OSError) as broken:
                print(f'connection: {broken}', file=sys.stderr)
            self.close()
            time.sleep(0.2)
