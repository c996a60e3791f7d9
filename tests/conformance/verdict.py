"""Judges a report of the conformance runner: `python3 verdict.py REPORT.json`.

A refused case is a gap, a failed one a wrong answer or a crash. Failures pass only if `failing.txt` names them with a reason.
"""
import collections, json, os, sys

report = json.load(open(sys.argv[1]))
here = os.path.dirname(os.path.abspath(__file__))
lines = [line.split(None, 1) for line in open(os.path.join(here, 'failing.txt')) if line.strip() and line[0] != '#']
known = {identifier: reason.strip() for identifier, reason in lines}
status = collections.Counter(case['status'] for case in report['cases'].values())
failed = {name: case['reason'] for name, case in report['cases'].items() if case['status'] == 'fail'}
print('conformance:', ', '.join(f'{count} {name}' for name, count in sorted(status.items())))
for name, reason in known.items():
  if name in failed: print(f'  known: {name}: {reason}')
new = {name: reason for name, reason in failed.items() if name not in known}
for name, reason in new.items(): print(f'  FAILED: {name}: {reason}')
sys.exit(1 if new else 0)
