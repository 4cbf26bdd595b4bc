/// The style sheet of a report. Colours are tokens, one set for light and one for dark; every text
/// has a contrast of at least 4.5 to 1 on what it stands on.
enum ReportStyle {
  static let sheet = """
    :root {
      color-scheme: light dark;
      --page: #ffffff; --panel: #f5f6f8; --ink: #16191d; --soft: #535b66; --rule: #d9dde3;
      --leak: #b3261e; --leak-panel: #fdf1f0; --some: #8a5200; --some-panel: #fdf5e8;
      --safe: #1c6b3c; --safe-panel: #eef7f1; --mat: #ffffff;
      --c0: #1f5fbf; --c1: #a8480b; --c2: #1a7342; --c3: #7a3fa0; --c4: #a3234f; --c5: #4c5663;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #14171b; --panel: #1d2127; --ink: #e9ecf0; --soft: #a8b0bb; --rule: #363c45;
        --leak: #ff9a91; --leak-panel: #33201f; --some: #f0b763; --some-panel: #312818;
        --safe: #7fd19d; --safe-panel: #1a2d22; --mat: #f4f5f7;
        --c0: #86b4ff; --c1: #f2a56b; --c2: #74cf9c; --c3: #cba6ee; --c4: #f396b6; --c5: #b3bbc6;
      }
    }
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body {
      margin: 0; background: var(--page); color: var(--ink);
      font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
      font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
    }
    main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
    header { padding-top: 2.5rem; }
    .skip { position: absolute; left: -999rem; }
    .skip:focus { position: static; }
    a { color: var(--c0); text-underline-offset: .15em; }
    :focus-visible { outline: 3px solid var(--c0); outline-offset: 2px; }
    h1 { font-size: clamp(1.55rem, 1.2rem + 1.6vw, 2.15rem); line-height: 1.2; margin: 0 0 .4rem;
      letter-spacing: -.012em; text-wrap: balance; }
    h2 { font-size: 1.25rem; line-height: 1.3; margin: 3.25rem 0 .35rem; letter-spacing: -.005em; }
    h3 { font-size: 1rem; margin: 1.75rem 0 .25rem; }
    p { margin: .4rem 0 .8rem; max-width: 44rem; }
    .kicker, .soft, figcaption, .note { color: var(--soft); }
    .kicker { font-size: 1rem; margin: 0 0 .6rem; }
    .kicker strong { color: var(--ink); }
    .warning { border: 1px solid var(--leak); background: var(--leak-panel); padding: .7rem 1rem;
      border-radius: 3px; max-width: none; margin: 1rem 0; }
    .note { font-size: .875rem; }
    nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; list-style: none; margin: 1rem 0 0;
      padding: .6rem 0; border-block: 1px solid var(--rule); font-size: .9rem; }
    .verdict { display: grid; grid-template-columns: auto 1fr; gap: 0 1.5rem; margin-top: 1.75rem;
      padding: 1.4rem 1.5rem 1.1rem; border-left: 5px solid; border-radius: 3px; }
    .verdict h3 { margin-top: 0; font-size: 1.25rem; line-height: 1.3; }
    .verdict .grade { font-size: 3.6rem; line-height: 1; font-weight: 700; margin: 0; }
    .verdict .grade small { display: block; font-size: .8rem; font-weight: 400; line-height: 1.4;
      color: var(--soft); }
    .leak { background: var(--leak-panel); border-color: var(--leak); }
    .leak .grade, b.leak, td .leak { color: var(--leak); }
    .some { background: var(--some-panel); border-color: var(--some); }
    .some .grade, b.some, td .some { color: var(--some); }
    .safe { background: var(--safe-panel); border-color: var(--safe); }
    .safe .grade, b.safe, td .safe { color: var(--safe); }
    b.leak, b.some, b.safe, td span { background: none; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
      gap: 0 2rem; margin: 1.5rem 0 0; }
    .figures div { border-top: 1px solid var(--rule); padding: .7rem 0 .4rem; }
    .figures dt { font-size: .875rem; color: var(--soft); }
    .figures dd { margin: 0; font-size: 1.45rem; line-height: 1.3; font-weight: 600; }
    .figures dd small { display: block; font-size: .8125rem; font-weight: 400; color: var(--soft); }
    .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr));
      gap: 1.75rem 2rem; margin-top: 1.1rem; }
    figure { margin: 0; break-inside: avoid; min-width: 0; }
    .triple { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; }
    .triple img, .triple .absent { display: block; width: 100%; height: auto; aspect-ratio: 1; background: var(--panel);
      object-fit: contain; }
    .triple img, .map img { image-rendering: pixelated; outline: 1px solid var(--rule);
      outline-offset: -1px; }
    .triple .absent { display: grid; place-items: center; text-align: center; font-size: .8125rem;
      color: var(--soft); padding: .5rem; }
    .triple span { display: block; font-size: .8125rem; color: var(--soft); line-height: 1.6; }
    figcaption { font-size: .875rem; margin-top: .4rem; line-height: 1.45; }
    figcaption strong { color: var(--ink); }
    .strip { background: var(--mat); padding: .5rem; border: 1px solid var(--rule); border-radius: 3px; }
    .strip img { display: block; min-width: 40rem; width: 100%; height: auto; }
    .scroll { overflow-x: auto; }
    .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr));
      gap: 1.5rem 2rem; margin-top: 1rem; }
    .chart { display: block; width: 100%; height: auto; overflow: visible; }
    .chart text { font-size: 11.5px; fill: var(--soft); font-family: inherit; }
    .chart .title { fill: var(--ink); font-size: 12px; }
    .grid { stroke: var(--rule); stroke-width: .75; }
    .axis { stroke: var(--soft); stroke-width: 1; }
    .reference { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
    .threshold { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 5 3; }
    .line { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
    .thin { stroke-width: 1; opacity: .6; }
    .interval { stroke-width: 1.25; }
    .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
    .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
    .mark { stroke: var(--page); stroke-width: 1; }
    .mark.c0, .chart text.c0 { fill: var(--c0); } .mark.c1, .chart text.c1 { fill: var(--c1); }
    .mark.c2, .chart text.c2 { fill: var(--c2); } .mark.c3, .chart text.c3 { fill: var(--c3); }
    .mark.c4, .chart text.c4 { fill: var(--c4); } .mark.c5, .chart text.c5 { fill: var(--c5); }
    .chart text { stroke: none; }
    .map { max-width: 16rem; }
    .map img { display: block; width: 100%; height: auto; border: 1px solid var(--rule); }
    table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; margin: .6rem 0; width: 100%; }
    caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
    th { text-align: left; font-weight: 600; border-bottom: 1px solid var(--soft); vertical-align: bottom; }
    td { border-bottom: 1px solid var(--rule); vertical-align: top; }
    th, td { padding: .38rem .9rem .38rem 0; overflow-wrap: normal; }
    th:last-child, td:last-child { padding-right: 0; }
    .number, td b { white-space: nowrap; }
    .number { text-align: right; }
    .text { overflow-wrap: anywhere; min-width: min(12rem, 40vw); }
    .name { overflow-wrap: anywhere; min-width: 7rem; }
    pre { background: var(--panel); padding: .8rem 1rem; border-radius: 3px; margin: .6rem 0;
      white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8438rem; line-height: 1.5; }
    pre, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .facts { font-size: .9375rem; margin: .8rem 0; }
    .facts div { display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: 0 1.25rem;
      padding: .2rem 0; }
    .facts dt { color: var(--soft); }
    .facts dd { margin: 0; max-width: 44rem; }
    #summary .facts { font-size: 1rem; }
    #summary .facts dt { color: var(--ink); font-weight: 600; }
    ul { padding-left: 1.2rem; margin: .5rem 0; }
    li { margin: .2rem 0; max-width: 44rem; }
    summary { cursor: pointer; padding: .3rem 0; }
    footer { margin-top: 3.5rem; padding-block: 1rem 2.5rem; font-size: .875rem; color: var(--soft);
      border-top: 1px solid var(--rule); }
    @media (max-width: 34rem) {
      .verdict { grid-template-columns: 1fr; gap: .6rem; padding: 1.1rem 1.1rem .7rem; }
      .verdict .grade { display: flex; align-items: baseline; gap: .6rem; }
      .facts div { grid-template-columns: 1fr; }
      .facts dd { margin-bottom: .4rem; }
    }
    @media print {
      :root { color-scheme: light;
        --page: #ffffff; --panel: #f5f6f8; --ink: #16191d; --soft: #535b66; --rule: #d9dde3;
        --leak: #b3261e; --leak-panel: #fdf1f0; --some: #8a5200; --some-panel: #fdf5e8;
        --safe: #1c6b3c; --safe-panel: #eef7f1; --mat: #ffffff;
        --c0: #1f5fbf; --c1: #a8480b; --c2: #1a7342; --c3: #7a3fa0; --c4: #a3234f; --c5: #4c5663; }
      body { font-size: 10.5pt; orphans: 3; widows: 3; }
      header { padding-top: 0; }
      nav, .skip { display: none; }
      h2 { margin-top: 1.6rem; }
      h1, h2, h3, caption { break-after: avoid; }
      h2 + p, h3 + p { break-after: avoid; break-inside: avoid; }
      thead { display: table-header-group; }
      tbody tr:first-child { break-before: avoid; }
      tr, caption, img, svg, figure, .facts div, .figures, .warning, li, .strip, .charts > * { break-inside: avoid; }
      .verdict { break-inside: avoid; }
      .scroll { overflow: visible; }
      .strip img { min-width: 0; }
      details.screen { display: none; }
      details > summary { list-style: none; }
      details::details-content { content-visibility: visible; block-size: auto; }
      main, header, footer { max-width: none; padding-inline: 0; }
      .charts, .pictures { grid-template-columns: 1fr 1fr; gap: 5mm 8mm; }
      table { font-size: 8pt; }
      th, td { padding-right: .5rem; }
      th.number, td b { white-space: normal; }
      .text, .name { min-width: 0; }
      @page { size: A4; margin: 15mm 14mm; }
      * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
    }
    """
}
