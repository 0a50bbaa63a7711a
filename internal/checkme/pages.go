package checkme

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
)

//go:embed pages/*.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// style is all there is; the policy names it by its hash.
const style = template.CSS(`
:root { color-scheme: light; }
body { font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; font-size: 1.1rem; line-height: 1.5; color: #111; background: #fff; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
fieldset { border: 0; padding: 0; margin: 0; } legend { font-size: 1.2rem; font-weight: 600; padding: 0; margin-top: 1.5rem; }
label { display: block; margin: .5rem 0; } label small { display: block; color: #444; margin-inline-start: 1.9rem; }
input[type=text] { font: inherit; width: 100%; box-sizing: border-box; padding: .45rem; border: 2px solid #111; }
input[type=checkbox], input[type=radio] { width: 1.3rem; height: 1.3rem; vertical-align: -.2rem; margin-inline-end: .4rem; }
button { font: inherit; font-weight: 600; padding: .6rem 1.2rem; margin: 1.2rem .6rem 0 0; border: 2px solid #005a30; background: #00703c; color: #fff; cursor: pointer; } button.plain { background: #fff; color: #111; border-color: #111; }
a.button { display: inline-block; font-weight: 600; padding: .6rem 1.2rem; margin-top: 1.2rem; background: #00703c; color: #fff; }
:focus-visible { outline: 3px solid #ffbf47; outline-offset: 2px; }
.mark { border-inline-start: 6px solid #b10e1e; padding: .3rem .8rem; font-weight: 600; } .hint { color: #444; } progress { width: 100%; height: 1.6rem; } details { margin-top: 1.5rem; } form.inline { display: inline; }
`)

func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
