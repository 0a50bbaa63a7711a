package attach

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zip"
)

// officeType tells Office Open XML (ECMA-376) and OpenDocument packages from
// other zips.
func officeType(z *container) string {
	if z.find("[Content_Types].xml") != nil {
		switch {
		case z.has("word/"):
			return "ooxml-word"
		case z.has("xl/"):
			return "ooxml-excel"
		case z.has("ppt/"):
			return "ooxml-powerpoint"
		case z.has("visio/"):
			return "ooxml-visio"
		}
	}
	if z.find("mimetype") != nil && z.find("content.xml") != nil {
		switch extension(z.name) {
		case "ods", "fods", "ots":
			return "odf-sheet"
		}
		return "odf-text"
	}
	return ""
}

// openOffice looks at the parts of a package that can do harm or hold text.
// Parts are not members: a document of five hundred parts is still one thing.
func (in *inspection) openOffice(z *container, typ string) {
	for _, f := range z.files {
		if f.Flags&1 != 0 {
			in.r.Encrypted = true
			in.trait(z.content, KindEncryptedDocument, "package with encrypted parts")
			return
		}
	}
	if strings.HasPrefix(typ, "odf-") {
		in.openODF(z, typ)
		return
	}
	for _, f := range z.files {
		if err := in.officePart(z, f, typ); errors.Is(err, errBudget) || errors.Is(err, errBomb) {
			in.unpackFailed(z.content, f.Name, err)
			return
		}
	}
	if typ == "ooxml-excel" {
		in.sheetText(z)
	}
}

// officePart reads one part if it is of a kind that matters.
func (in *inspection) officePart(z *container, f *zip.File, typ string) error {
	name := strings.ToLower(f.Name)
	read := partReader(name, typ)
	if read == nil {
		return nil
	}
	if isMedia(name) && (in.b.images <= 0 || f.UncompressedSize64 > 4<<20) {
		return nil
	}
	data, err := in.readZip(f)
	if len(data) > 0 {
		read(in, z.inside(f.Name, data), data)
	}
	return err
}

func isMedia(name string) bool { return strings.Contains(name, "/media/") }

// partReader chooses by the part's usual place. Content types could name other
// places, which Office accepts too: what counts is found by its ending or folder.
func partReader(name, typ string) func(*inspection, content, []byte) {
	switch {
	case strings.HasSuffix(name, ".rels"):
		return (*inspection).relationships
	case strings.HasSuffix(name, "vbaproject.bin"), strings.HasSuffix(name, ".bin") && strings.Contains(name, "vba"):
		return (*inspection).vbaPart
	case strings.Contains(name, "macrosheets/"):
		return (*inspection).macroSheet
	case strings.Contains(name, "activex/") && strings.HasSuffix(name, ".bin"):
		return (*inspection).activeX
	case strings.Contains(name, "embeddings/"):
		return (*inspection).embedding
	case strings.Contains(name, "externallinks/") && strings.HasSuffix(name, ".xml"):
		return (*inspection).externalLink
	case strings.HasSuffix(name, "customui.xml"), strings.HasSuffix(name, "customui14.xml"):
		return (*inspection).customUI
	case isMedia(name) && isRaster(name):
		return (*inspection).mediaPart
	case typ == "ooxml-word" && strings.HasPrefix(name, "word/") && strings.HasSuffix(name, ".xml") && wordText(name):
		return (*inspection).wordPart
	case typ == "ooxml-powerpoint" && strings.HasPrefix(name, "ppt/slides/slide"):
		return (*inspection).slidePart
	case name == "xl/workbook.xml":
		return (*inspection).workbook
	case name == "xl/connections.xml":
		return (*inspection).connections
	}
	return nil
}

func isRaster(name string) bool {
	switch extension(name) {
	case "png", "jpg", "jpeg", "gif", "bmp", "webp":
		return true
	}
	return false
}

// wordText tells parts that hold running text and fields.
func wordText(name string) bool {
	base := strings.TrimSuffix(baseName(name), ".xml")
	for _, p := range []string{"document", "header", "footer", "footnotes", "endnotes", "comments"} {
		if strings.HasPrefix(base, p) {
			return true
		}
	}
	return false
}

func (in *inspection) vbaPart(c content, data []byte)   { in.vbaProject(c, data) }
func (in *inspection) mediaPart(c content, data []byte) { in.openImage(c, sniff(data, c.name, "")) }

// remoteRelations are relationship types that make a program load another
// document when this one is opened, with no click.
var remoteRelations = map[string]string{
	"attachedtemplate": "template", "frame": "frame", "subdocument": "subdocument", "oleobject": "linked object",
	"afchunk": "imported part", "mailmergesource": "mail merge source", "mailmergeheadersource": "mail merge source",
	"externaloleobject": "linked object", "xlexternallinkpath": "", "externallinkpath": "", "websettings": "",
}

// relationships reads a .rels part (ECMA-376 part 2 §6.5).
func (in *inspection) relationships(c content, data []byte) {
	tags(data, func(t tag, _ []byte) bool {
		if !t.is("Relationship") || !strings.EqualFold(t.attr("TargetMode"), "External") {
			return true
		}
		target := strings.TrimSpace(t.attr("Target"))
		kind := t.attr("Type")
		kind = strings.ToLower(kind[strings.LastIndexByte(kind, '/')+1:])
		in.url(c, InRelationship, target)
		if what := remoteRelations[kind]; what != "" && isRemote(target) {
			in.trait(c, KindRemoteTemplate, what+" from "+target, t.start, t.end)
		}
		if strings.HasPrefix(strings.ToLower(target), "ms-msdt:") || strings.Contains(strings.ToLower(target), "mhtml:") && kind == "oleobject" {
			in.trait(c, KindOLEObject, "link to a protocol that runs programs: "+target, t.start, t.end)
		}
		return true
	})
}

// isRemote tells targets on another machine from the local template folder
// that many ordinary documents name.
func isRemote(target string) bool {
	t := strings.ToLower(strings.ReplaceAll(target, `\`, "/"))
	t = strings.TrimPrefix(t, "mhtml:")
	switch {
	case strings.HasPrefix(t, "file:///"):
		return strings.HasPrefix(t, "file://///")
	case strings.HasPrefix(t, "file://"):
		return true
	case strings.HasPrefix(t, "//"):
		return true
	}
	return strings.Contains(t, "://") || strings.HasPrefix(t, "ms-")
}

func (in *inspection) macroSheet(c content, data []byte) {
	detail := "Excel 4.0 macro sheet"
	var calls []string
	for _, f := range []string{"EXEC(", "CALL(", "REGISTER(", "FORMULA(", "RUN(", "URLDownloadToFile"} {
		if bytes.Contains(data, []byte(f)) {
			calls = append(calls, strings.TrimSuffix(f, "("))
		}
	}
	if len(calls) > 0 {
		detail += " with " + strings.Join(calls, ", ")
	}
	in.trait(c, KindXLMMacro, detail)
}

func (in *inspection) activeX(c content, data []byte) {
	in.trait(c, KindOLEObject, "ActiveX control")
}

// embedding looks at an embedded object. Other office packages, as charts embed
// them, are opened as members and are no trait by themselves.
func (in *inspection) embedding(c content, data []byte) {
	if !in.b.takeMember() {
		in.outOfMembers(c)
		return
	}
	parent := c
	parent.path, parent.depth = strings.TrimSuffix(c.path, "!"+c.name), c.depth-1
	in.member(parent, c.name, data)
	if bytes.HasPrefix(data, []byte(cfbMagic)) && !in.r.Has(KindOLEObject) && looksPackaged(data) {
		in.trait(c, KindOLEObject, "embedded object")
	}
}

func (in *inspection) externalLink(c content, data []byte) {
	tags(data, func(t tag, _ []byte) bool {
		if t.is("ddeLink") && !t.closing {
			in.dde(c, t.attr("ddeService")+" "+t.attr("ddeTopic"), t.start, t.end)
		}
		return true
	})
}

func (in *inspection) customUI(c content, data []byte) {
	if bytes.Contains(data, []byte("onLoad=")) {
		in.trait(c, KindMacro, "ribbon that runs a macro when loaded")
	}
}

func (in *inspection) connections(c content, data []byte) {
	tags(data, func(t tag, _ []byte) bool {
		for _, name := range []string{"url", "connection", "sourceFile"} {
			urlsIn([]byte(t.attr(name)), func(u string, _, _ int) { in.url(c, InRelationship, u) })
		}
		return true
	})
}

// workbook notes hidden sheets and names that start by themselves.
func (in *inspection) workbook(c content, data []byte) {
	tags(data, func(t tag, _ []byte) bool {
		if t.is("definedName") && !t.closing && strings.HasPrefix(strings.ToLower(t.attr("name")), "_xlnm.auto_open") {
			in.trait(c, KindXLMMacro, "name "+t.attr("name")+" runs when the workbook opens", t.start, t.end)
		}
		return true
	})
}

// fieldCode finds what a Word field does (ECMA-376 part 1 §17.16.5).
var fieldCode = lazyRegexp(`(?i)^\s*\\?(DDEAUTO|DDE|INCLUDEPICTURE|INCLUDETEXT|IMPORT|INCLUDE|HYPERLINK|LINK|RD)\b\s*(.*)`)

// field judges one field instruction.
func (in *inspection) field(c content, where, instr string, start, end int) {
	m := fieldCode().FindStringSubmatch(instr)
	if m == nil {
		return
	}
	urlsIn([]byte(m[2]), func(u string, _, _ int) { in.url(c, where, u) })
	switch name := strings.ToUpper(m[1]); name {
	case "DDE", "DDEAUTO":
		in.dde(c, m[2], start, end)
	case "INCLUDETEXT", "INCLUDE", "LINK", "RD", "IMPORT":
		if isRemote(strings.Trim(m[2], `" `)) {
			in.trait(c, KindRemoteTemplate, name+" field from "+m[2], start, end)
		}
	}
}

func (in *inspection) dde(c content, what string, start, end int) {
	in.trait(c, KindDDE, "starts "+printable(what, 200), start, end)
}

// wordPart collects text and fields of a Word part. The instruction of a field
// may be cut into many runs, an old way to hide it, so it is put together first.
func (in *inspection) wordPart(c content, data []byte) {
	w := wordReader{in: in, c: c}
	tags(data, w.tag)
	in.addText(c, strings.TrimSpace(w.text.String()))
}

type wordReader struct {
	in     *inspection
	c      content
	text   bytes.Buffer
	instr  bytes.Buffer
	fields int // nesting of complex fields
	start  int
	inText bool
	inCode bool
	cells  int // open cells of tables
}

func (w *wordReader) tag(t tag, text []byte) bool {
	if w.inText && w.text.Len() < w.in.b.Limits.Text {
		w.text.WriteString(unescape(text))
	}
	if w.inCode && w.instr.Len() < 8192 {
		w.instr.WriteString(unescape(text))
	}
	w.inText, w.inCode = false, false
	switch string(t.name) {
	case "t":
		w.inText = !t.closing && !t.selfClosing
	case "instrText", "delInstrText":
		w.inCode = !t.closing && !t.selfClosing
	case "fldSimple":
		if !t.closing {
			w.in.field(w.c, InField, t.attr("instr"), t.start, t.end)
		}
	case "fldChar":
		w.fieldChar(t)
	case "tab", "tc", "br", "p", "tr":
		w.layout(t)
	}
	return true
}

// layout writes what stands between texts. A row of a table is one line: paragraphs in its cells end in a
// blank.
func (w *wordReader) layout(t tag) {
	name := string(t.name)
	if name == "tc" && !t.closing && !t.selfClosing {
		w.cells++
	}
	if !t.closing && !t.selfClosing {
		return
	}
	switch {
	case name == "tc":
		w.cells = max(w.cells-1, 0)
		w.text.WriteByte('\t')
	case name == "tab":
		w.text.WriteByte('\t')
	case w.cells > 0 && name != "tr":
		w.text.WriteByte(' ')
	default:
		w.text.WriteByte('\n')
	}
}

func (w *wordReader) fieldChar(t tag) {
	switch t.attr("fldCharType") {
	case "begin":
		if w.fields == 0 {
			w.start = t.start
			w.instr.Reset()
		}
		w.fields++
	case "separate":
		w.in.field(w.c, InField, w.instr.String(), w.start, t.end)
		w.instr.Reset()
	case "end":
		w.fields = max(w.fields-1, 0)
		if w.instr.Len() > 0 {
			w.in.field(w.c, InField, w.instr.String(), w.start, t.end)
			w.instr.Reset()
		}
	}
}

func (in *inspection) slidePart(c content, data []byte) {
	w := wordReader{in: in, c: c}
	tags(data, func(t tag, text []byte) bool {
		if action := t.attr("action"); strings.HasPrefix(action, "ppaction://program") || strings.HasPrefix(action, "ppaction://macro") {
			in.trait(c, KindOLEObject, fmt.Sprintf("slide action %s", action), t.start, t.end)
		}
		return w.tag(t, text)
	})
	in.addText(c, strings.TrimSpace(w.text.String()))
}

// openOfficeXML reads single-file XML of Office: Word 2003 and flat OPC.
func (in *inspection) openOfficeXML(c content) {
	if containsFold(c.data, "binarydata") || containsFold(c.data, "vbaproject") {
		in.trait(c, KindMacro, "XML document with a macro part")
	}
	in.relationships(c, c.data)
	if containsFold(c.data[:min(len(c.data), 8192)], "schemas.microsoft.com/office") || bytes.Contains(c.data, []byte("<w:t")) {
		in.wordPart(c, c.data)
		return
	}
	urlsIn(c.data, func(u string, _, _ int) { in.url(c, InText, u) })
}
