/** Dark on white, one column; Okabe and Ito's colours, which every kind of eye tells apart, beside words and signs. */
export const STYLE = `
body { font: 15px/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 72rem; margin: 0 auto; padding: 1rem }
h2 { border-bottom: 2px solid #333; margin-top: 2.2rem }
h3 { margin-top: 1.2rem }
table { border-collapse: collapse; margin: .6rem 0; font-size: 14px; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { border-bottom: 1px solid #bbb; padding: .2rem .6rem; text-align: left; vertical-align: top; overflow-wrap: break-word }
th.right, td.right { text-align: right }
article { border-left: 6px solid #777; padding-left: 1rem; margin: 1rem 0 }
article.violation { border-color: #d55e00 }
article.hazard { border-color: #e69f00 }
article.self-inflicted { border-color: #0072b2 }
dt { font-weight: 600 }
dd { margin: 0 0 .4rem 1.2rem }
figure { margin: .6rem 0; overflow-x: auto }
svg { max-width: 100%; height: auto; font: 13px system-ui, sans-serif; print-color-adjust: exact; -webkit-print-color-adjust: exact }
figcaption, .rest { color: #444 }
.words { font-weight: 600 }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt }
  article, figure, tr { break-inside: avoid }
  h2, h3, h4 { break-after: avoid }
  nav { display: none }
  table { font-size: 8.5pt }
}
`
