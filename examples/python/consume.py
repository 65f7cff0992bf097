"""Handles the records of a topic as a member of a group: consume.py HOST:PORT[,HOST:PORT...] [TOPIC [GROUP]]"""
import sys

from zhumq_cluster import Cluster, text
from zhumq.common.ttypes import RequestFailed
from zhumq.record.ttypes import ReceiveRequest, RecordId

cluster = Cluster(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__))
topic = sys.argv[2] if len(sys.argv) > 2 else 'greetings'
group = sys.argv[3] if len(sys.argv) > 3 else 'python'


def consume(client):
    records = client.receive(ReceiveRequest(group=group, topics=[topic]))
    for record in records:
        print(f'{record.partition}/{record.offset} {text(record.value)}', flush=True)
    try:
        client.ack(group, [RecordId(record.topic, record.partition, record.offset) for record in records])
    except RequestFailed as refused:
        if refused.failure.name != 'FENCED_MEMBER':
            raise
        print(refused.failure.message, file=sys.stderr)  # another member handles those again


try:
    while True:
        cluster.retrying(consume)
except KeyboardInterrupt:
    cluster.close()  # the end of the connection ends the membership
