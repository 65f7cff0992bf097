"""As consume.py, but the broker pushes: subscribe.py HOST:PORT[,HOST:PORT...] [TOPIC [GROUP]]"""
import sys

from zhumq_cluster import Cluster, text
from zhumq.common.ttypes import RequestFailed
from zhumq.record import RecordListener
from zhumq.record.ttypes import RecordId, SubscribeRequest

cluster = Cluster(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__), timeout_s=15)  # the broker sends something every few seconds
topic = sys.argv[2] if len(sys.argv) > 2 else 'greetings'
group = sys.argv[3] if len(sys.argv) > 3 else 'python'


class Listener:
    def __init__(self, client):
        self.client = client
        self.reason = None

    def deliver(self, records):
        for record in records:
            print(f'{record.partition}/{record.offset} {text(record.value)}', flush=True)
        self.client.acknowledge([RecordId(record.topic, record.partition, record.offset) for record in records])

    def ping(self, timestamp):
        self.client.acknowledge([])

    def refused(self, records, reason):
        print(f'{len(records)} not acknowledged: {reason.message}', file=sys.stderr)

    def closed(self, reason):
        self.reason = reason


def subscribe(client):
    client.subscribe(SubscribeRequest(group=group, topics=[topic]))
    listener = Listener(client)
    processor = RecordListener.Processor(listener)
    while listener.reason is None:
        processor.process(cluster.protocol, cluster.protocol)
    raise RequestFailed(listener.reason)


try:
    cluster.retrying(subscribe)
except KeyboardInterrupt:
    cluster.close()  # the end of the connection ends the membership
