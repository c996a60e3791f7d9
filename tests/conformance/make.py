"""Cuts a slice of a few MB out of the public conformance corpora: `python3 make.py CASES_FOLDER > slice.jsonl`.

Keeps, of every group, a few small untransformed cases whose primitives the compiler has (`--primitives` lists them), so that
the repository's own tests see JAX's answers without the corpora beside them.
"""
import argparse, gzip, json, os, re

parser = argparse.ArgumentParser()
parser.add_argument('folder')
parser.add_argument('--per-group', type=int, default=4)
parser.add_argument('--largest', type=int, default=12000, help='bytes of one case')
parser.add_argument('--refused', default=r'^$', help='primitives to leave out, a regular expression')
options = parser.parse_args()
KEEP = ['id', 'group', 'jaxpr', 'consts', 'args', 'out', 'xla_err', 'x64']

for folder, _, names in sorted(os.walk(options.folder)):
  for name in sorted(names):
    if not name.endswith('.jsonl.gz') or '/stablehlo' in folder: continue
    taken = {}
    for line in gzip.open(os.path.join(folder, name), 'rt'):
      case = json.loads(line)
      if case['transform'] or not case.get('jaxpr') or case.get('check') or case.get('jaxpr_hoisted'): continue
      if any(re.search(options.refused, primitive) for primitive in case['prims']): continue
      if any(array['t'][0] in 'ck' for array in case['args'] + case['out'] + case.get('consts', [])): continue
      slim = json.dumps({key: case[key] for key in KEEP if key in case}, separators=(',', ':'))
      # One of each dtype first, then whatever comes.
      key = (case['group'], case['dtype'])
      if len(slim) > options.largest or taken.get(key, 0) >= 1 or taken.get(case['group'], 0) >= options.per_group: continue
      taken[key] = taken.get(key, 0) + 1
      taken[case['group']] = taken.get(case['group'], 0) + 1
      print(slim)
