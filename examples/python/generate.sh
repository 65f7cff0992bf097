#!/usr/bin/env bash
# Generates the Python code of the record-level API into examples/python/generated; the contracts are all that it takes.
# On Debian: apt-get install thrift-compiler python3-thrift
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rm -rf generated
mkdir generated
for contract in common record; do thrift --gen py -out generated "../../idl/$contract.thrift"; done
