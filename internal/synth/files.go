package synth

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"
)

// zipFiles packs without compression: what a compressor writes may change with
// the Go release, and the output here must not.
func zipFiles(files ...file) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		if fw, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store}); err == nil {
			fw.Write(f.content) // a bytes.Buffer takes everything
		}
	}
	w.Close()
	return b.Bytes()
}

// lockedZip marks its one file as encrypted (APPNOTE §4.4.4, bit 0); the content is noise.
func lockedZip(d *draw, name string) []byte {
	noise := []byte(d.hex(12 + 600))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	head := &zip.FileHeader{Name: name, Method: zip.Store, Flags: 1, CRC32: crc32.ChecksumIEEE(noise),
		CompressedSize64: uint64(len(noise)), UncompressedSize64: uint64(len(noise) - 12)}
	if fw, err := w.CreateRaw(head); err == nil {
		fw.Write(noise)
	}
	w.Close()
	return b.Bytes()
}

const relationships = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`

// docx is a Word document of one line; with a template it loads one from
// elsewhere, with macros it carries them.
func docx(template string, macros []byte) []byte {
	const main = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	mainType := "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	extra := ""
	rels := ""
	if macros != nil {
		mainType = "application/vnd.ms-word.document.macroEnabled.main+xml"
		extra = `<Override PartName="/word/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/>`
		rels = `<Relationship Id="rId2" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="vbaProject.bin"/>`
	}
	files := []file{
		{name: "[Content_Types].xml", content: []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="` + mainType + `"/>` + extra + `</Types>`)},
		{name: "_rels/.rels", content: []byte(relationships + `<Relationship Id="rId1" Type="` + main + `/officeDocument" Target="word/document.xml"/></Relationships>`)},
		{name: "word/document.xml", content: []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>An invented document.</w:t></w:r></w:p></w:body></w:document>`)},
		{name: "word/_rels/document.xml.rels", content: []byte(relationships + `<Relationship Id="rId1" Type="` + main + `/settings" Target="settings.xml"/>` + rels + `</Relationships>`)},
		{name: "word/settings.xml", content: []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:settings xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>`)},
	}
	if template != "" {
		files = append(files, file{name: "word/_rels/settings.xml.rels", content: []byte(relationships + `<Relationship Id="rId1" Type="` + main + `/attachedTemplate" Target="` + template + `" TargetMode="External"/></Relationships>`)})
	}
	if macros != nil {
		files = append(files, file{name: "word/vbaProject.bin", content: macros})
	}
	return zipFiles(files...)
}

// xlsx is a workbook of one sheet with inline strings.
func xlsx(rows [][]string) []byte {
	var sheet strings.Builder
	sheet.WriteString(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	for r, row := range rows {
		fmt.Fprintf(&sheet, `<row r="%d">`, r+1)
		for c, cell := range row {
			fmt.Fprintf(&sheet, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+c, r+1, cell)
		}
		sheet.WriteString("</row>")
	}
	sheet.WriteString("</sheetData></worksheet>")
	const main = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	return zipFiles(
		file{name: "[Content_Types].xml", content: []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`)},
		file{name: "_rels/.rels", content: []byte(relationships + `<Relationship Id="rId1" Type="` + main + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`)},
		file{name: "xl/workbook.xml", content: []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + main + `"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`)},
		file{name: "xl/_rels/workbook.xml.rels", content: []byte(relationships + `<Relationship Id="rId1" Type="` + main + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`)},
		file{name: "xl/worksheets/sheet1.xml", content: []byte(sheet.String())},
	)
}

// entry is one directory entry of a compound file.
type entry struct {
	name               string
	kind               byte // 1 storage, 2 stream, 5 root
	left, right, child int32
	size               int
}

// compoundFile is a minimal [MS-CFB] file with a VBA project: streams of one
// cluster of eight sectors each, so that no mini stream is needed. As a document it
// has the stream and storage of a Word file around it.
func compoundFile(document bool) []byte {
	entries := []entry{
		{"Root Entry", 5, -1, -1, 1, 0}, {"VBA", 1, -1, -1, 3, 0}, {"dir", 2, -1, -1, -1, 4096},
		{"Module1", 2, 2, 4, -1, 4096}, {"_VBA_PROJECT", 2, -1, -1, -1, 4096},
	}
	if document {
		entries[0].child = 5
		entries = append(entries, entry{"WordDocument", 2, 6, -1, -1, 4096}, entry{"Macros", 1, -1, -1, 1, 0})
	}
	for len(entries)%4 != 0 {
		entries = append(entries, entry{left: -1, right: -1, child: -1})
	}
	directorySectors := len(entries) / 4
	fat := []uint32{0xFFFFFFFD} // sector 0 is the FAT itself
	fat = chain(fat, directorySectors)
	var directory, data bytes.Buffer
	for _, e := range entries {
		start := uint32(0xFFFFFFFE)
		if e.size > 0 {
			start = uint32(len(fat))
			fat = chain(fat, 8)
			data.Write(streamContent(e.name))
		}
		writeEntry(&directory, e, start)
	}
	var b bytes.Buffer
	writeCompoundHeader(&b)
	for len(fat) < 128 {
		fat = append(fat, 0xFFFFFFFF)
	}
	binary.Write(&b, binary.LittleEndian, fat)
	b.Write(directory.Bytes())
	b.Write(data.Bytes())
	return b.Bytes()
}

// chain appends n sectors that follow each other.
func chain(fat []uint32, n int) []uint32 {
	for range n - 1 {
		fat = append(fat, uint32(len(fat)+1))
	}
	return append(fat, 0xFFFFFFFE)
}

// streamContent fills a stream. A module's text is one raw chunk ([MS-OVBA] §2.4.1.1.5).
func streamContent(name string) []byte {
	out := make([]byte, 4096)
	switch name {
	case "Module1":
		copy(out, "\x01\xff\x3fAttribute VB_Name = \"Module1\"\r\nSub AutoOpen()\r\n  MsgBox \"an invented message\"\r\nEnd Sub\r\n")
	case "_VBA_PROJECT":
		copy(out, "\xcc\x61\xff\xff\x00\x00\x00")
	case "WordDocument":
		copy(out, "\xec\xa5\xc1\x00")
	}
	return out
}

func writeEntry(b *bytes.Buffer, e entry, start uint32) {
	var raw [128]byte
	name := utf16.Encode([]rune(e.name))
	for i, u := range name {
		binary.LittleEndian.PutUint16(raw[2*i:], u)
	}
	if e.name != "" {
		binary.LittleEndian.PutUint16(raw[64:], uint16(2*len(name)+2))
	}
	raw[66], raw[67] = e.kind, 1
	binary.LittleEndian.PutUint32(raw[68:], uint32(e.left))
	binary.LittleEndian.PutUint32(raw[72:], uint32(e.right))
	binary.LittleEndian.PutUint32(raw[76:], uint32(e.child))
	binary.LittleEndian.PutUint32(raw[116:], start)
	binary.LittleEndian.PutUint32(raw[120:], uint32(e.size))
	b.Write(raw[:])
}

func writeCompoundHeader(b *bytes.Buffer) {
	head := make([]byte, 512)
	copy(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(head[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(head[at:], v) }
	put16(24, 0x3e)
	put16(26, 3)
	put16(28, 0xfffe)
	put16(30, 9)
	put16(32, 6)
	put32(44, 1) // FAT sectors
	put32(48, 1) // first directory sector
	put32(56, 4096)
	put32(60, 0xfffffffe)
	put32(68, 0xfffffffe)
	for i := 76; i < 512; i += 4 {
		put32(i, 0xffffffff)
	}
	put32(76, 0)
	b.Write(head)
}
