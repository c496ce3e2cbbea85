"""The look of the HTML report: readable on a phone, on paper, by day and by night; nothing comes from elsewhere."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --card: #f5f7f9;
  --good: #1a7f4b; --warn: #9a6700; --bad: #c62f2f; --idle: #78828f; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e4e9ef; --soft: #9aa5b3; --line: #2e3742;
  --card: #1a2029; --good: #4cc38a; --warn: #e2b341; --bad: #ff7b72; --idle: #8a94a1; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
code, .mono { font: .9em/1.5 ui-monospace, monospace; }
code.command { display: block; padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; margin: .8rem 0; } dd { margin: 0; }
.soft { color: var(--soft); }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .idle { color: var(--idle); }
.verdict { border-left: .4rem solid currentColor; padding-left: .8rem; }
.verdict > * { color: var(--ink); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .7rem; }
.card b { display: block; font-size: 1.25rem; }
ul.tree { list-style: none; margin: 0; padding-left: 0; }
ul.tree ul.tree { padding-left: 1.3rem; border-left: 1px solid var(--line); margin-left: .35rem; }
ul.tree li { margin: .25rem 0; }
.dot::before { content: "\\25cf"; margin-right: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th, td { white-space: nowrap; } th { color: var(--soft); font-weight: 600; } td.number, th.number { text-align: right; }
.row { display: grid; grid-template-columns: minmax(5rem, 9rem) 1fr; gap: .6rem; align-items: center; margin: .2rem 0; }
.lane { position: relative; height: 1.1rem; background: var(--card); border-radius: .2rem; }
.span { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: .2rem; background: currentColor; }
.retry { position: absolute; top: -2px; bottom: -2px; width: 2px; background: var(--ink); }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .85rem; }
details { margin: .4rem 0; } summary { cursor: pointer; }
ul.files { margin: .3rem 0; padding-left: 1.2rem; }
footer { margin-top: 2.5rem; padding-top: .6rem; border-top: 1px solid var(--line); color: var(--soft);
  font-size: .85rem; }
@media (max-width: 34rem) { .wide { display: none; } body { padding: .7rem; } }
@media print { :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --card: #f3f3f3; --good: #1a7f4b;
  --warn: #9a6700; --bad: #c62f2f; --idle: #666; } body { max-width: none; font-size: 11px; }
  .span, .lane, .card, .dot::before { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, .row, .card, li { break-inside: avoid; } .wide { display: table-cell; } }
"""
