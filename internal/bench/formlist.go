package bench

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/net/idna"
)

// forms lists the ways of hiding a value that hunting has to see through.
func forms() []form {
	return slices.Concat(linkForms(), wrapperForms(), spellingForms(), remoteForms(), textForms(), encodingForms(), attachmentForms(), headerForms())
}

// page is an HTML message.
func page(body string) string {
	return "Subject: A note\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" +
		"<html><body><p>Good morning, please see below.</p>" + body + "</body></html>\n"
}

// plain is a text message.
func plain(body string) string {
	return "Subject: A note\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + body + "\n"
}

func anchor(href string) string {
	return page(`<a href="` + html.EscapeString(href) + `">read more</a>`)
}

// linked is a form that is a link made from the value.
func linked(name string, href func(v seeded) string) form {
	return form{name: name, raw: func(v seeded) string { return anchor(href(v)) }}
}

// inPage is a form that is some HTML made from the value.
func inPage(name string, body func(v seeded) string) form {
	return form{name: name, raw: func(v seeded) string { return page(body(v)) }}
}

func inText(name string, body func(v seeded) string) form {
	return form{name: name, raw: func(v seeded) string { return plain(body(v)) }}
}

func hostOnly(f form) form {
	f.hostOnly = true
	return f
}

const redirector = "https://go.example.net/"

func b64(s string) string    { return base64.StdEncoding.EncodeToString([]byte(s)) }
func b64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func linkForms() []form {
	escape := url.QueryEscape
	return []form{
		linked("link", func(v seeded) string { return v.url }),
		linked("param percent", func(v seeded) string { return redirector + "r?u=" + escape(v.url) + "&x=1" }),
		linked("param percent twice", func(v seeded) string { return redirector + "r?u=" + escape(escape(v.url)) }),
		linked("param percent three times", func(v seeded) string { return redirector + "r?u=" + escape(escape(escape(v.url))) }),
		{name: "param bare", raw: func(v seeded) string { return anchor(redirector + "r?u=" + v.url) }, ask: func(v seeded) []string {
			kept, _, _ := strings.Cut(v.url, "&") // what follows belongs to the redirector
			return []string{defang(v.domain), defang(kept)}
		}},
		linked("param base64", func(v seeded) string { return redirector + "r?d=" + escape(b64(v.url)) }),
		linked("param base64 without padding", func(v seeded) string { return redirector + "r?d=" + escape(strings.TrimRight(b64(v.url), "=")) }),
		linked("param base64url", func(v seeded) string { return redirector + "r?d=" + b64url(v.url) }),
		linked("param base64 twice", func(v seeded) string { return redirector + "r?d=" + b64url(b64(v.url)) }),
		linked("param base64 of percent", func(v seeded) string { return redirector + "r?d=" + b64url(escape(v.url)) }),
		linked("param base64 of a query", func(v seeded) string { return redirector + "r?d=" + b64url("id=5&u="+escape(v.url)) }),
		linked("path bare", func(v seeded) string { return redirector + v.url }),
		linked("path percent", func(v seeded) string { return redirector + "to/" + escape(v.url) }),
		linked("path base64url", func(v seeded) string { return redirector + "c/" + b64url(v.url) + "/open" }),
		linked("fragment", func(v seeded) string { return redirector + "#" + v.url }),
		linked("fragment percent", func(v seeded) string { return redirector + "#u=" + escape(v.url) }),
		linked("redirector in redirector", func(v seeded) string {
			return redirector + "r?u=" + escape("https://next.example.org/?next="+escape(v.url))
		}),
		linked("base64 in redirector in redirector", func(v seeded) string {
			return redirector + "r?u=" + escape("https://next.example.org/?d="+escape(b64(v.url))+"&s=1")
		}),
		linked("google redirect", func(v seeded) string { return "https://www.google.com/url?q=" + escape(v.url) + "&sa=D&usg=AOv" }),
		hostOnly(linked("tracking parameters added", func(v seeded) string { return v.url + "&utm_source=letter&utm_campaign=7" })),
		hostOnly(linked("host alone in a parameter", func(v seeded) string { return redirector + "r?host=" + v.domain })),
		hostOnly(linked("subdomain", func(v seeded) string { return "https://r77.mail." + v.domain + "/x" })),
	}
}

func wrapperForms() []form {
	escape := url.QueryEscape
	safelinks := func(u string) string {
		return "https://eur01.safelinks.protection.outlook.com/?url=" + escape(u) + "&data=05%7C02%7Creader%40parliament.example%7C5b1%7C0&sdata=x%2By%3D&reserved=0"
	}
	return []form{
		linked("safelinks", func(v seeded) string { return safelinks(v.url) }),
		linked("urldefense v1", func(v seeded) string {
			return "https://urldefense.proofpoint.com/v1/url?u=" + escape(v.url) + "&k=abc%3D%0A&r=def&m=ghi&s=jkl"
		}),
		linked("urldefense v2", func(v seeded) string {
			return "https://urldefense.proofpoint.com/v2/url?u=" + defenseV2(v.url) + "&d=DwMFaQ&c=abc&r=def&m=ghi&s=jkl&e="
		}),
		linked("urldefense v3", func(v seeded) string { return "https://urldefense.com/v3/__" + v.url + "__;!!Abc123!XyZ$" }),
		linked("urldefense v3 with replaced characters", func(v seeded) string {
			return "https://urldefense.com/v3/__" + strings.Replace(v.url, "?", "*", 1) + "__;" + b64url("?") + "!!Abc123!XyZ$"
		}),
		hostOnly(linked("mimecast", func(v seeded) string {
			return "https://protect-eu.mimecast.com/s/AbCdEfGhIj12345?domain=" + v.domain
		})),
		hostOnly(linked("mimecastprotect", func(v seeded) string {
			return "https://url.uk.m.mimecastprotect.com/s/AbCdEf123?domain=" + v.domain
		})),
		linked("barracuda", func(v seeded) string {
			return "https://linkprotect.cudasvc.com/url?a=" + escape(v.url) + "&c=E,1,abc,def&typo=1"
		}),
		linked("cisco", func(v seeded) string { return "https://secure-web.cisco.com/1AbCdEf-Ghi/" + escape(v.url) }),
		linked("sophos", func(v seeded) string {
			return "https://eu-west-1.protection.sophos.com/?d=" + v.domain + "&u=" + b64(v.url) + "&i=abc&t=def&h=ghi"
		}),
		linked("trend micro", func(v seeded) string {
			return "https://ca-1801-ctp.trendmicro.com/wis/clicktime/v1/query?url=" + escape(v.url) + "&umid=abc&auth=def"
		}),
		linked("fireeye", func(v seeded) string {
			return "https://protect2.fireeye.com/v1/url?k=abc&q=1&e=def&u=" + escape(v.url)
		}),
		linked("urldefense in safelinks", func(v seeded) string { return safelinks("https://urldefense.com/v3/__" + v.url + "__;!!Abc!XyZ$") }),
		linked("redirector in safelinks", func(v seeded) string { return safelinks(redirector + "r?d=" + b64url(v.url)) }),
	}
}

// defenseV2 is the encoding of Proofpoint's second format: percent encoding with
// "-" for "%" and "_" for "/".
func defenseV2(s string) string {
	var out strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.':
			out.WriteByte(c)
		case c == '/':
			out.WriteByte('_')
		default:
			fmt.Fprintf(&out, "-%02X", c)
		}
	}
	return out.String()
}

func spellingForms() []form {
	unicode := func(v seeded) string { return "büro-" + v.label + ".example" }
	ascii := func(v seeded) string {
		s, err := idna.ToASCII(unicode(v))
		if err != nil {
			return v.domain
		}
		return s
	}
	both := func(v seeded) []string {
		return []string{ascii(v), defang(ascii(v)), unicode(v), defang(unicode(v)), "hxxps://" + unicode(v) + "/p"}
	}
	idn := func(f form) form { f.ask = both; return f }
	return []form{
		idn(linked("punycode", func(v seeded) string { return "https://" + ascii(v) + "/p" })),
		idn(linked("unicode", func(v seeded) string { return "https://" + unicode(v) + "/p" })),
		idn(linked("unicode percent", func(v seeded) string { return redirector + "r?u=" + url.QueryEscape("https://"+unicode(v)+"/p") })),
		idn(linked("unicode in capitals, full-width stop", func(v seeded) string {
			return "https://" + strings.Replace(strings.ToUpper(unicode(v)), ".", "．", 1) + "/p"
		})),
		idn(inText("unicode in plain text", func(v seeded) string { return "See https://" + unicode(v) + "/p today." })),
		linked("capitals in host", func(v seeded) string { return strings.Replace(v.url, v.domain, strings.ToUpper(v.domain), 1) }),
		linked("capitals in scheme", func(v seeded) string { return "HTTPS" + v.url[5:] }),
		linked("userinfo", func(v seeded) string { return strings.Replace(v.url, "https://", "https://www.bank.example@", 1) }),
		linked("default port", func(v seeded) string { return strings.Replace(v.url, v.domain, v.domain+":443", 1) }),
		linked("trailing dot", func(v seeded) string { return strings.Replace(v.url, v.domain, v.domain+".", 1) }),
		linked("backslashes", func(v seeded) string { return strings.Replace(v.url, "https://", `https:\\`, 1) }),
		linked("no scheme", func(v seeded) string { return strings.TrimPrefix(v.url, "https:") }),
		linked("percent in host", func(v seeded) string { return strings.Replace(v.url, "https://t", "https://%74", 1) }),
		linked("line break in attribute", func(v seeded) string { return v.url[:12] + "\n\t" + v.url[12:] }),
		linked("leading space", func(v seeded) string { return "  " + v.url }),
		inPage("character references", func(v seeded) string { return `<a href="` + references(v.url) + `">x</a>` }),
		inPage("attribute without quotes", func(v seeded) string { return `<a href=` + html.EscapeString(v.url) + `>x</a>` }),
		inPage("relative to base", func(v seeded) string {
			return `<base href="https://` + v.domain + `/"><a href="` + html.EscapeString(strings.TrimPrefix(v.url, "https://"+v.domain+"/")) + `">x</a>`
		}),
	}
}

func references(s string) string {
	var out strings.Builder
	for i, c := range []byte(s) {
		if i%2 == 0 {
			fmt.Fprintf(&out, "&#%d;", c)
		} else {
			fmt.Fprintf(&out, "&#x%x;", c)
		}
	}
	return out.String()
}

func remoteForms() []form {
	tag := func(name, format string) form {
		return inPage(name, func(v seeded) string { return strings.ReplaceAll(format, "URL", html.EscapeString(v.url)) })
	}
	css := func(name, format string) form {
		return inPage(name, func(v seeded) string { return strings.ReplaceAll(format, "URL", v.url) })
	}
	return []form{
		tag("image", `<img src="URL">`),
		tag("hidden image", `<img src="URL" width="1" height="1" style="display:none">`),
		tag("srcset", `<img srcset="URL 2x, https://pictures.example.net/a.png 1x">`),
		tag("background attribute", `<table background="URL"><tr><td>x</td></tr></table>`),
		tag("prefetch", `<link rel="prefetch" href="URL">`),
		tag("style sheet", `<link rel="stylesheet" href="URL">`),
		hostOnly(inPage("dns prefetch", func(v seeded) string { return `<link rel="dns-prefetch" href="//` + v.domain + `">` })),
		tag("video poster", `<video poster="URL"></video>`),
		tag("audio", `<audio src="URL"></audio>`),
		tag("iframe", `<iframe src="URL"></iframe>`),
		tag("object", `<object data="URL"></object>`),
		tag("image button", `<input type="image" src="URL">`),
		tag("svg image", `<svg><image href="URL"/></svg>`),
		tag("form action", `<form action="URL" method="post"><input name="a"></form>`),
		tag("button formaction", `<form><button formaction="URL">Go</button></form>`),
		tag("meta refresh", `<meta http-equiv="refresh" content="0; url=URL">`),
		tag("area", `<map><area href="URL"></map>`),
		tag("conditional comment", `<!--[if mso]><v:rect href="URL"></v:rect><![endif]-->`),
		css("inline css", `<div style="background-image:url('URL')">x</div>`),
		css("css block", `<style>.a{background:url(URL)}</style>`),
		css("css import", `<style>@import url("URL");</style>`),
		css("css font", `<style>@font-face{font-family:f;src:url("URL") format("woff2")}</style>`),
		inPage("css escapes", func(v seeded) string {
			return `<style>.a{background:url("` + strings.Replace(v.url, "https", `\68 ttps`, 1) + `")}</style>`
		}),
		inPage("wrapped image", func(v seeded) string {
			return `<img src="https://ci3.googleusercontent.com/proxy/AbCd=s0-d-e1-ft#` + html.EscapeString(v.url) + `">`
		}),
	}
}

func textForms() []form {
	return []form{
		inText("plain text", func(v seeded) string { return "Please see " + v.url + " before noon." }),
		inText("plain text in angle brackets", func(v seeded) string { return "Please see <" + v.url + ">." }),
		inText("plain text with full stop", func(v seeded) string { return "It is at " + v.url + "." }),
		inText("markdown", func(v seeded) string { return "Please [see this](" + v.url + ")." }),
		inText("defanged in text", func(v seeded) string { return "We saw " + defang(v.url) + " yesterday." }),
		hostOnly(inText("www without scheme", func(v seeded) string { return "Visit www." + v.domain + " today." })),
		hostOnly(inText("address in text", func(v seeded) string { return "Write to office@" + v.domain + " today." })),
		inPage("text in a page", func(v seeded) string { return "<p>Copy " + html.EscapeString(v.url) + " into your browser.</p>" }),
		inPage("hidden text", func(v seeded) string { return `<div style="display:none">` + html.EscapeString(v.url) + `</div>` }),
		inPage("link text unlike its target", func(v seeded) string {
			return `<a href="https://www.example.com/">` + html.EscapeString(v.url) + `</a>`
		}),
		{name: "text beside a page", raw: func(v seeded) string {
			return "Subject: A note\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nSee " + v.url +
				" now.\n--b1\nContent-Type: text/html\n\n<p>Nothing here.</p>\n--b1--\n"
		}},
	}
}

func encodingForms() []form {
	return []form{
		{name: "quoted-printable", raw: func(v seeded) string {
			var out strings.Builder
			w := quotedprintable.NewWriter(&out)
			_, _ = w.Write([]byte(strings.Repeat("ä", 20) + `<a href="` + html.EscapeString(v.url) + `">read</a>`)) // a builder takes all
			_ = w.Close()
			return "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + out.String() + "\n"
		}},
		{name: "quoted-printable, every byte", raw: func(v seeded) string {
			return "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + everyByte("See "+v.url+" now.") + "\n"
		}},
		{name: "base64 body", raw: func(v seeded) string {
			return "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + folded(b64(`<a href="`+html.EscapeString(v.url)+`">read</a>`)) + "\n"
		}},
		{name: "base64 text", raw: func(v seeded) string {
			return "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + folded(b64("See "+v.url+" now.")) + "\n"
		}},
		{name: "utf-16", raw: func(v seeded) string {
			return "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n" + folded(b64(utf16LE("See "+v.url+" now."))) + "\n"
		}},
	}
}

func everyByte(s string) string {
	var out strings.Builder
	for i, c := range []byte(s) {
		if i > 0 && i%20 == 0 {
			out.WriteString("=\n")
		}
		fmt.Fprintf(&out, "=%02X", c)
	}
	return out.String()
}

func folded(s string) string {
	var out strings.Builder
	for chunk := range slices.Chunk([]byte(s), 76) {
		out.Write(chunk)
		out.WriteByte('\n')
	}
	return out.String()
}

func utf16LE(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// attached is a form that lies in a file.
func attached(name, mediaType, file string, content func(v seeded) string) form {
	return form{name: name, raw: func(v seeded) string {
		return "Subject: Papers\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nPapers attached.\n--b1\n" +
			"Content-Type: " + mediaType + "; name=\"" + file + "\"\nContent-Disposition: attachment; filename=\"" + file + "\"\nContent-Transfer-Encoding: base64\n\n" +
			folded(b64(content(v))) + "--b1--\n"
	}}
}

func attachmentForms() []form {
	doc := func(v seeded) string {
		return `<html><body><a href="` + html.EscapeString(v.url) + `">x</a></body></html>`
	}
	return []form{
		attached("html attachment", "text/html", "paper.html", doc),
		attached("script in an html attachment", "text/html", "paper.html", func(v seeded) string {
			return `<html><body><script>var u = "` + v.url + `"; location.href = u;</script></body></html>`
		}),
		attached("text attachment", "text/plain", "note.txt", func(v seeded) string { return "See " + v.url + " now." }),
		attached("calendar url", "text/calendar", "meeting.ics", func(v seeded) string { return calendar("URL:" + v.url) }),
		attached("calendar description", "text/calendar", "meeting.ics", func(v seeded) string {
			return calendar("DESCRIPTION:Join at " + v.url[:20] + "\r\n " + v.url[20:] + " please")
		}),
		attached("pdf link", "application/pdf", "paper.pdf", func(v seeded) string { return portableDocument(v.url) }),
		attached("svg attachment", "image/svg+xml", "plan.svg", func(v seeded) string {
			return `<svg xmlns="http://www.w3.org/2000/svg"><a href="` + html.EscapeString(v.url) + `"><text>x</text></a></svg>`
		}),
		attached("internet shortcut", "application/octet-stream", "paper.url", func(v seeded) string { return "[InternetShortcut]\r\nURL=" + v.url + "\r\n" }),
		attached("visiting card", "text/vcard", "card.vcf", func(v seeded) string {
			return "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nURL:" + v.url + "\r\nEND:VCARD\r\n"
		}),
		attached("html in zip", "application/zip", "papers.zip", func(v seeded) string { return zipped("paper.html", doc(v)) }),
		attached("word link", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "paper.docx", wordLink),
		{name: "attached message", raw: func(v seeded) string {
			return "Subject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nSee attached.\n--b1\n" +
				"Content-Type: message/rfc822\n\nFrom: other@example.org\nSubject: inner\nMIME-Version: 1.0\nContent-Type: text/html\n\n" + doc(v) + "\n--b1--\n"
		}},
	}
}

func calendar(line string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTART:20250304T100000Z\r\nSUMMARY:Meeting\r\n" +
		line + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// portableDocument is one page with a link annotation (ISO 32000-1 §12.6.4.7).
func portableDocument(link string) string {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var at []int
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>",
		"<</Type/Annot/Subtype/Link/Rect[0 0 100 20]/A<</S/URI/URI(" + link + ")>>>>",
	} {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return out.String()
}

func zipped(namesAndContents ...string) string {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for pair := range slices.Chunk(namesAndContents, 2) {
		if f, err := w.Create(pair[0]); err == nil { // a buffer takes all
			_, _ = f.Write([]byte(pair[1]))
		}
	}
	_ = w.Close()
	return out.String()
}

func wordLink(v seeded) string {
	const relationships = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	return zipped(
		"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
		"_rels/.rels", relationships+`<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
		"word/document.xml", `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>`,
		"word/_rels/document.xml.rels", relationships+`<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" Target="`+html.EscapeString(v.url)+`" TargetMode="External"/></Relationships>`,
	)
}

func headerForms() []form {
	head := func(name, line string) form {
		return form{name: name, hostOnly: true, raw: func(v seeded) string {
			return strings.ReplaceAll(line, "DOMAIN", v.domain) + "\n" + plain("Nothing here.")
		}}
	}
	return []form{
		head("author's domain", "From: Editor <news@DOMAIN>"),
		head("reply address", "Reply-To: <news@DOMAIN>"),
		head("return path", "Return-Path: <bounce@DOMAIN>"),
		head("signature", "DKIM-Signature: v=1; a=rsa-sha256; d=DOMAIN; s=s1; h=from; bh=AAAA; b=BBBB"),
		head("relay", "Received: from mx.DOMAIN (mx.DOMAIN [192.0.2.7]) by mx.parliament.example; Mon, 3 Mar 2025 10:00:00 +0000"),
		head("message id", "X-Note: 1\nMessage-ID: <1234@DOMAIN>"),
		head("read receipt", "Disposition-Notification-To: <r@DOMAIN>"),
		{name: "list-unsubscribe", raw: func(v seeded) string { return "List-Unsubscribe: <" + v.url + ">\n" + plain("Nothing here.") }},
		{name: "subject", raw: func(v seeded) string {
			return strings.Replace(plain("Nothing here."), "A note", "Look at "+v.url, 1)
		}},
		{name: "subject in encoded words", raw: func(v seeded) string {
			return strings.Replace(plain("Nothing here."), "A note", "=?utf-8?b?"+b64("Look at "+v.url)+"?=", 1)
		}},
	}
}
