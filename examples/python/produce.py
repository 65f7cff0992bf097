"""Sends each line of the standard input as a record: produce.py HOST:PORT[,HOST:PORT...] [TOPIC]"""
import sys

from zhumq_cluster import Cluster
from zhumq.record.ttypes import OutgoingRecord, SendOptions

cluster = Cluster(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__))
topic = sys.argv[2] if len(sys.argv) > 2 else 'greetings'

for line in sys.stdin:
    record = OutgoingRecord(topic=topic, key=None, value=line.rstrip('\n').encode())
    receipt = cluster.retrying(lambda client: client.send(record, SendOptions()))
    print(f'{receipt.partition}/{receipt.offset} {record.value.decode()}', flush=True)
