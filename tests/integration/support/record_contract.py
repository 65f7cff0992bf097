"""What a stock Python client makes of the record-level calls; prints what it saw as JSON. Arguments: HOST:PORT TOPIC"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../examples/python'))

from zhumq_cluster import Cluster
from zhumq.common.ttypes import RequestFailed
from zhumq.record.ttypes import Header, OutgoingRecord, ReceiveRequest, RecordId, SendOptions

cluster = Cluster(sys.argv[1])
topic = sys.argv[2]
client = cluster.client()


def refusal(work):
    try:
        return ['done', str(work())]
    except RequestFailed as refused:
        failure = refused.failure
        return [failure.name, failure.code, failure.retriable, failure.maybeDone, failure.message, failure.context]


def received(group, **more):
    while True:
        records = client.receive(ReceiveRequest(group=group, topics=[topic], **more))
        if records:
            return records


seen = {
    'missing field': refusal(lambda: client.send(OutgoingRecord(value=b'x'), SendOptions())),
    'missing argument': refusal(lambda: client.send(OutgoingRecord(topic=topic, value=b'x'), None)),
    'wrong acks': refusal(lambda: client.send(OutgoingRecord(topic=topic, value=b'x'), SendOptions(acks=7))),
    'i64 beyond': refusal(lambda: client.send(OutgoingRecord(topic=topic, value=b'x', timestamp=2**60), SendOptions())),
    'too large': refusal(lambda: client.send(OutgoingRecord(topic=topic, value=bytes(12 * 2**20)), SendOptions())),
    'not held': refusal(lambda: client.ack('g', [RecordId(topic, 0, 2**53 - 1)])),
}
late = 2**52 - 1
sent = [
    client.send(OutgoingRecord(topic=topic), SendOptions()),
    client.send(OutgoingRecord(topic=topic, key=b'', value=b'', timestamp=late), SendOptions(acks=1)),
    client.send(OutgoingRecord(topic=topic, value=bytes(range(256)), headers=[Header('a', b'\xff'), Header('b')]), SendOptions()),
]
many = client.sendAll([OutgoingRecord(topic=topic, value=b'%d' % n * 1000) for n in range(2000)], SendOptions())
seen['duplicate'] = [receipt.duplicate for receipt in sent]
seen['offsets follow'] = [receipt.offset - sent[0].offset for receipt in sent]
seen['timestamp'] = sent[1].timestamp
seen['sendAll'] = sum(result.failure is None and result.receipt.offset > sent[2].offset for result in many)
records = received('g', maxRecords=3)
seen['none, empty'] = [[record.key, record.value] for record in records[:1]] + [
    [record.key == b'', record.value == b'', record.timestamp] for record in records[1:2]
]
seen['bytes'] = records[2].value == bytes(range(256))
seen['headers'] = [[header.name, list(header.value)] for header in records[2].headers]
seen['ack'] = refusal(lambda: client.ack('g', [RecordId(topic, r.partition, r.offset) for r in records]))
count = size = 0
while count < 2000:
    records = received('g', maxRecords=10000, maxBytes=4 * 2**20)
    count += len(records)
    size += sum(len(record.value) for record in records)
    client.ack('g', [RecordId(topic, r.partition, r.offset) for r in records])
seen['all received'] = [count, size]
client.leave('g')
print(json.dumps(seen))
