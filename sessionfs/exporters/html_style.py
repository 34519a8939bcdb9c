"""How the page looks: light and dark as the reader's system is, on paper, and from the keyboard."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --page: #fff; --text: #1d2126; --soft: #5b6470; --line: #dfe3e8; --panel: #f5f7f9; --user: #eaf2fd;
  --accent: #1a5fb4; --bad: #b3261e; --keyword: #8a2be2; --string: #1b6e3c; --number: #9a4d00;
  --name: #1a5fb4; --comment: #68707a; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --text: #e4e7eb; --soft: #9aa4b0; --line: #2e353e; --panel: #1c2127; --user: #1a2b41;
  --accent: #7fb3ff; --bad: #ff8a80; --keyword: #c8a2ff; --string: #8fd6a5; --number: #f0b070;
  --name: #8fc0ff; --comment: #8b95a1; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 50rem; background: var(--page);
  color: var(--text); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; padding: .4rem .8rem; background: var(--page); z-index: 2; }
h1 { margin: 0 0 .4rem; font-size: 1.7rem; line-height: 1.25; }
h3, h4, h5, h6 { margin: 1.1em 0 .4em; line-height: 1.3; }
.facts, footer { color: var(--soft); font-size: .875rem; }
.facts { margin: 0 0 1.5rem; } .facts span:not(:last-child)::after { content: " · "; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
nav, .checkpoints { margin: 0 0 1rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--panel); font-size: .9rem; }
nav h2 { margin: 0; padding: .6rem 1rem 0; font-size: .9rem; }
nav ol { margin: 0; padding: .5rem 1rem .75rem; list-style: none; max-height: 20rem; overflow: auto; }
nav a { display: block; padding: .15rem 0; text-decoration: none; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; }
nav a:hover { text-decoration: underline; }
summary { cursor: pointer; }
.checkpoints > summary { padding: .6rem 1rem; font-weight: 600; }
.graph { display: flex; gap: .6rem; padding: 0 1rem .8rem; }
.graph svg { flex: none; } .graph ol { margin: 0; padding: 0; list-style: none; min-width: 0; }
.graph li { height: 28px; line-height: 28px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.graph path { fill: none; stroke: var(--soft); stroke-width: 2; } .graph circle { fill: var(--soft); }
.graph path.way { stroke: var(--accent); } .graph circle.way { fill: var(--accent); }
.graph small, .said { color: var(--soft); } .checkpoints > p { padding: 0 1rem; }
.mark { padding: .05rem .4rem; border-radius: 4px; background: var(--accent); color: var(--page);
  font-size: .72rem; }
article { margin: 1.75rem 0 0; } article.more { margin-top: .5rem; }
article > header { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: .6rem;
  margin-bottom: .3rem; }
article > header h2 { flex: none; max-width: 100%; margin: 0; font-size: .95rem; }
article > header time, article > header .model,
article > header a { color: var(--soft); font-size: .8rem; text-decoration: none; }
article > header a { margin-left: auto; } article > header a:hover { text-decoration: underline; }
article.more > header { position: absolute; left: -100vw; }
article.user > .body { padding: .7rem 1rem; border-radius: 8px; background: var(--user); }
article.assistant h2 { color: var(--accent); }
.body > :first-child { margin-top: 0; } .body > :last-child { margin-bottom: 0; }
.body p, .body ul, .body ol { margin: .6em 0; }
pre { margin: .6em 0; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--panel); overflow: auto; max-height: 32rem; white-space: pre; overflow-wrap:
  normal; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
:not(pre) > code { padding: .1em .3em; border-radius: 4px; background: var(--panel); }
article.user :not(pre) > code { background: var(--page); }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
blockquote { margin: .6em 0; padding-left: 1rem; border-left: 3px solid var(--line); color:
  var(--soft); }
table { border-collapse: collapse; display: block; overflow: auto; }
th, td { padding: .3rem .7rem; border: 1px solid var(--line); }
figure { margin: .6em 0; } img { display: block; max-width: 100%; max-height: 40rem; min-width: 3rem;
  border: 1px solid var(--line); border-radius: 6px; image-rendering: auto; }
figcaption { color: var(--soft); font-size: .8rem; } .elsewhere { color: var(--soft); }
details.call, details.thinking { margin: .6rem 0; border: 1px solid var(--line); border-radius: 6px; }
details.call > summary, details.thinking > summary { padding: .35rem .8rem; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; font-size: .9rem; }
details.call[open] > summary, details.thinking[open] > summary { border-bottom: 1px solid var(--line); }
details > .inside { padding: .5rem .8rem; font-size: .93rem; }
.inside h3 { margin: .4rem 0 .2rem; font-size: .8rem; color: var(--soft); }
.inside dl { margin: 0; } .inside dt { font: .8rem ui-monospace, Menlo, Consolas, monospace;
  color: var(--soft); } .inside dd { margin: 0 0 .4rem; }
.inside pre { margin: .2rem 0 .5rem; }
.tool { font-weight: 600; } .brief { color: var(--soft); font: .85em ui-monospace, Menlo, Consolas,
  monospace; }
.thinking > summary, .thinking > .inside { color: var(--soft); font-style: italic; }
.failed { color: var(--bad); font-weight: 600; } .gap { color: var(--bad); font-weight: 600; }
.k, .kd, .kn, .kc, .kr, .kp, .kt, .ow { color: var(--keyword); }
.s, .s1, .s2, .sa, .sb, .sd, .sx, .sr, .se, .si, .ss, .sc, .gi { color: var(--string); }
.m, .mi, .mf, .mh, .mo, .mb, .il { color: var(--number); } .nt, .nf, .nc, .nd, .na, .nb, .fm { color:
  var(--name); }
.c, .c1, .cm, .cp, .ch, .cs { color: var(--comment); font-style: italic; } .gd, .err { color:
  var(--bad); }
@media (min-width: 84rem) {
  body.with-contents { max-width: 68rem; padding-left: 19rem; }
  .with-contents nav { position: fixed; left: max(1.25rem, calc(50vw - 33rem)); top: 2rem; width:
  16.5rem;
    max-height: calc(100vh - 4rem); overflow: auto; }
  .with-contents nav ol { max-height: none; } }
@media print {
  :root { --page: #fff; --text: #000; --soft: #444; --line: #bbb; --panel: #fff; --user: #f2f2f2;
    --accent: #000; --bad: #000; --keyword: #000; --string: #000; --number: #000; --name: #000;
    --comment: #444; }
  body, body.with-contents { max-width: none; padding: 0; font-size: 10.5pt; }
  nav, .skip, article > header a { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  article > header { break-after: avoid; } img, tr { break-inside: avoid; }
  .body a[href^="http"]::after { content: " (" attr(href) ")"; font-size: .85em; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""
