"""Judges a report of the conformance runner: `python3 verdict.py LIST REPORT.json`.

LIST (`jaxpr.txt`, `stablehlo.txt`) names every case that does not pass, refused ones too, each with its reason: `ID  REASON`.
A case that does not pass and is not named fails the gate, and so does a name whose case passes.
"""
import collections, json, sys

names, path = sys.argv[1:]
lines = [line.split('  ', 1) for line in open(names) if line.strip() and line[0] != '#']
known = {identifier: reason.strip() for identifier, reason in lines}
cases = json.load(open(path))['cases']
status = collections.Counter(case['status'] for case in cases.values())
print('conformance:', ', '.join(f'{count} {name}' for name, count in sorted(status.items())))
open_cases = {name: f"{case['status']}: {case['reason']}" for name, case in cases.items() if case['status'] in ('fail', 'unsupported')}
new = {name: reason for name, reason in open_cases.items() if name not in known}
stale = [name for name in known if name in cases and name not in open_cases]
for name in open_cases.keys() & known.keys(): print(f'  known: {name}: {known[name]}')
for name, reason in new.items(): print(f'  NOT PASSED: {name}: {reason}')
for name in stale: print(f'  PASSES, take it off the list: {name}')
sys.exit(1 if new or stale else 0)
