"""Judges a report of one of the two runners: `python3 verdict.py LIST REPORT.json`.

REPORT is what the conformance runner writes, or the one of the versions, a table of pairs (status, reason) by name.
LIST (`jaxpr.txt`, `stablehlo.txt`, `versions.txt`) names every case that does not pass, refused ones too, each with its reason: `ID  REASON`.
A case that does not pass and is not named fails the gate, and so does a name whose case passes.
"""
import collections, json, sys

# What the two runners call an answer that is right; all else is on the list or fails the gate.
PASSED = ('pass', 'right')
names, path = sys.argv[1:]
lines = [line.split('  ', 1) for line in open(names) if line.strip() and line[0] != '#']
known = {identifier: reason.strip() for identifier, reason in lines}
report = json.load(open(path))
cases = report.get('cases') or {name: {'status': answer, 'reason': reason} for name, (answer, reason) in report.items()}
status = collections.Counter(case['status'] for case in cases.values())
print('conformance:', ', '.join(f'{count} {name}' for name, count in sorted(status.items())))
open_cases = {name: f"{case['status']}: {case['reason']}" for name, case in cases.items() if case['status'] not in PASSED}
new = {name: reason for name, reason in open_cases.items() if name not in known}
stale = [name for name in known if name in cases and name not in open_cases]
for name in open_cases.keys() & known.keys(): print(f'  known: {name}: {known[name]}')
for name, reason in new.items(): print(f'  NOT PASSED: {name}: {reason}')
for name in stale: print(f'  PASSES, take it off the list: {name}')
sys.exit(1 if new or stale else 0)
