package response

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
)

// pageStyle is all the styling there is. It is named in the page's policy by its hash, so
// nothing else applies: no script, no font, no picture, nothing from elsewhere.
const pageStyle = `
:root { color-scheme: light; }
body { font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; font-size: 11.5pt; line-height: 1.45; color: #111; background: #fff; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.1rem; margin: 1.1rem 0 .25rem; border-bottom: 1px solid #767676; }
p, ul { margin: .3rem 0; } ul { padding-inline-start: 1.3rem; } li { margin: .15rem 0; }
.mark { border: 2px solid #8a1c1c; color: #8a1c1c; font-weight: 600; padding: .4rem .6rem; margin: 0 0 .6rem; }
footer { margin-top: 1.2rem; border-top: 1px solid #767676; padding-top: .3rem; font-size: .85rem; color: #444; }
table { border-collapse: collapse; width: 100%; font-size: .95em; } th, td { text-align: start; vertical-align: top; padding: .2rem .5rem .2rem 0; border-bottom: 1px solid #bbb; } caption { text-align: start; font-weight: 600; }
@page { size: A4; margin: 14mm 16mm; }
@media print { body { font-size: 9.5pt; line-height: 1.3; margin: 0; padding: 0; max-width: none; } h1 { font-size: 16pt; } h2 { font-size: 11pt; break-after: avoid; margin-top: .7rem; } p, ul { margin: .2rem 0; } li { margin: .1rem 0; } li, .mark, tr { break-inside: avoid; } }
`

// pagePolicy forbids all that the page does not need.
func pagePolicy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// frame is what every page of this package begins with.
const frame = `<!DOCTYPE html>
<html lang="{{.Language}}" dir="{{.Direction}}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{.Policy}}">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
`

var documentPage = template.Must(template.New("document").Parse(frame + `<body>
<main>
{{range .Marks}}<p class="mark">{{.}}</p>
{{end}}<h1>{{.Title}}</h1>
{{with .Lead}}<p>{{.}}</p>
{{end}}{{range .Sections}}<section>
<h2>{{.Heading}}</h2>
{{range .Text}}<p>{{.}}</p>
{{end}}{{with .Items}}<ul>
{{range .}}<li>{{.}}</li>
{{end}}</ul>
{{end}}</section>
{{end}}</main>
<footer>{{.Foot}}</footer>
</body>
</html>
`))

// framed is what the frame needs of a page.
type framed struct {
	Policy string
	Style  template.CSS
}

func newFrame() framed { return framed{pagePolicy(), template.CSS(pageStyle)} }

// HTML is the document as one page without script, link or anything from elsewhere.
func (d Document) HTML() ([]byte, error) {
	var out bytes.Buffer
	if err := documentPage.Execute(&out, struct {
		framed
		Document
	}{newFrame(), d}); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}
