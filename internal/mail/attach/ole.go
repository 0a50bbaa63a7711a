package attach

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// equationCLSID is {0002CE02-0000-0000-C000-000000000046}, Equation Editor 3,
// and equation2CLSID the one of version 2, as they lie in the file.
const (
	equationCLSID  = "\x02\xce\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	equation2CLSID = "\x00\x21\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	msiCLSID       = "\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
)

// openOLE looks into a compound file and says which program's it is.
func (in *inspection) openOLE(c content) string {
	f, err := openCFB(c.data)
	if err != nil {
		in.incomplete("%s: %v", c.label(), err)
		return "ole"
	}
	if f.class() == msiCLSID || extension(c.name) == "msi" {
		in.trait(c, KindScript, "Windows Installer package")
		return "msi"
	}
	if f.find("__properties_version1.0") != nil {
		in.openMSG(c, f)
		return "msg"
	}
	if f.find("EncryptedPackage") != nil {
		in.r.Encrypted = true
		in.trait(c, KindEncryptedDocument, "Office document that needs a password")
		return "ole-encrypted"
	}
	in.vba(c, f)
	in.oleObjects(c, f)
	return in.oleProgram(c, f)
}

// class is the class of the whole, which the root entry carries.
func (f *cfb) class() string {
	if len(f.entries) == 0 {
		return ""
	}
	return string(f.entries[0].clsid[:])
}

// oleProgram reads what the older office formats say about themselves.
func (in *inspection) oleProgram(c content, f *cfb) string {
	switch {
	case f.find("WordDocument") != nil:
		in.wordBinary(c, f)
		return "ole-word"
	case f.find("Workbook") != nil:
		in.biff(c, f, "Workbook")
		return "ole-excel"
	case f.find("Book") != nil:
		in.biff(c, f, "Book")
		return "ole-excel"
	case f.find("PowerPoint Document") != nil:
		if f.find("EncryptedSummary") != nil {
			in.r.Encrypted = true
			in.trait(c, KindEncryptedDocument, "PowerPoint document that needs a password")
		}
		return "ole-powerpoint"
	}
	return "ole"
}

// wordBinary reads the file information block (MS-DOC §2.5.1) and looks for
// fields in the text, which lies in the stream as bytes or UTF-16.
func (in *inspection) wordBinary(c content, f *cfb) {
	data, _ := f.read(f.find("WordDocument"))
	if len(data) < 0x20 {
		return
	}
	if flags := binary.LittleEndian.Uint16(data[10:]); flags&0x0100 != 0 {
		in.r.Encrypted = true
		in.trait(c, KindEncryptedDocument, "Word document that needs a password")
		return
	}
	for at := 0; at < len(data); {
		i := bytes.IndexByte(data[at:], 0x13) // begin of a field
		if i < 0 {
			break
		}
		at += i + 1
		if len(in.r.Traits) < maxTraits {
			in.field(c, InField, fieldText(data[at:min(at+600, len(data))]), at, min(at+600, len(data)))
		}
	}
	in.addText(c, string(looseText(data[min(0x200, len(data)):], in.b.Limits.Text)))
}

// fieldText reads a field's instruction up to its separator or end mark.
func fieldText(data []byte) string {
	if len(data) > 2 && data[1] == 0 || len(data) > 3 && data[0] == 0 {
		if data[0] == 0 {
			data = data[1:]
		}
		data = utf16Bytes(data, true)
	}
	if i := bytes.IndexAny(data, "\x13\x14\x15"); i >= 0 {
		data = data[:i]
	}
	return string(data)
}

// looseText keeps runs of readable characters, 8-bit or UTF-16.
func looseText(data []byte, limit int) []byte {
	var out, run []byte
	flush := func() {
		if len(run) >= 6 {
			out = append(append(out, run...), '\n')
		}
		run = run[:0]
	}
	for i := 0; i < len(data) && len(out) < limit; i++ {
		b := data[i]
		switch {
		case b == '\r' || b == 7 || b == 11:
			flush()
		case b >= ' ' && b < 0x7f || b == '\t':
			run = append(run, b)
			if i+1 < len(data) && data[i+1] == 0 {
				i++
			}
		default:
			flush()
		}
	}
	flush()
	return out[:min(len(out), limit)]
}

// biff walks the records of a workbook stream (MS-XLS §2.1.4) for macro sheets
// and encryption.
func (in *inspection) biff(c content, f *cfb, stream string) {
	data, _ := f.read(f.find(stream))
	records := 0
	for at := 0; at+4 <= len(data) && records < 500_000; records++ {
		id, size := binary.LittleEndian.Uint16(data[at:]), int(binary.LittleEndian.Uint16(data[at+2:]))
		at += 4
		body := data[at:min(at+size, len(data))]
		switch {
		case id == 0x002f: // FilePass
			in.biffPassword(c, body)
			return
		case id == 0x0085 && len(body) >= 7 && body[5] == 1: // BoundSheet8: dt 1 is a macro sheet
			in.trait(c, KindXLMMacro, "Excel 4.0 macro sheet"+hiddenSheet(body[4]))
		case id == 0x0018 && len(body) >= 16 && body[0]&0x20 != 0 && body[3] == 1 && len(body) > 15: // Lbl, built-in
			if body[15] == 1 || body[len(body)-1] == 1 {
				in.trait(c, KindXLMMacro, "name Auto_Open runs when the workbook opens")
			}
		case id == 0x00fc: // SST
			in.addText(c, string(looseText(body, in.b.Limits.Text)))
		}
		at += size
	}
}

func hiddenSheet(state byte) string {
	switch state & 3 {
	case 1:
		return ", hidden"
	case 2:
		return ", very hidden"
	}
	return ""
}

// biffPassword notes encryption. The standard password "VelvetSweatshop" opens
// without asking and is used to hide macros from scanners; which one it is
// cannot be told from the record, so both are said.
func (in *inspection) biffPassword(c content, body []byte) {
	in.r.Encrypted = true
	kind := "RC4"
	if len(body) >= 2 && body[0] == 0 {
		kind = "XOR"
	}
	in.trait(c, KindEncryptedDocument, fmt.Sprintf("workbook encrypted with %s, by a password or the standard one that opens unasked", kind))
}

// oleObjects looks for embedded packages and for the Equation Editor.
func (in *inspection) oleObjects(c content, f *cfb) {
	for i := range f.entries {
		e := &f.entries[i]
		switch {
		case string(e.clsid[:]) == equationCLSID || string(e.clsid[:]) == equation2CLSID || e.stream && strings.EqualFold(e.name, "Equation Native"):
			in.trait(c, KindEquationEditor, "object of the Equation Editor")
		case e.stream && strings.EqualFold(strings.TrimPrefix(e.name, "\x01"), "Ole10Native"):
			data, _ := f.read(e)
			in.ole10Native(c, data)
		}
	}
}

// looksPackaged tells compound files that hold a package or the Equation Editor.
func looksPackaged(data []byte) bool {
	return bytes.Contains(data, []byte("O\x00l\x00e\x001\x000\x00N\x00a\x00t\x00i\x00v\x00e\x00"))
}

// ole10Native unwraps a package: total size, flags, label, file name, path,
// data (MS-OLEDS §2.3.6 and what the Packager wrote since).
func (in *inspection) ole10Native(c content, data []byte) {
	if len(data) < 8 {
		return
	}
	rest := data[4:]
	if binary.LittleEndian.Uint16(rest) == 2 {
		label, after := cString(rest[2:])
		name, after := cString(after)
		if len(after) > 8 {
			_, after = cString(after[8:])
			if len(after) >= 4 {
				size := min(int(binary.LittleEndian.Uint32(after)), len(after)-4)
				in.packaged(c, firstOf(label, baseName(name)), after[4:4+max(size, 0)])
				return
			}
		}
	}
	if i := bytes.Index(data[:min(len(data), 4096)], []byte("\x1c\x00\x00\x00")); i == 4 || bytes.HasPrefix(rest, []byte("\x1c\x00\x00\x00")) {
		in.trait(c, KindEquationEditor, "equation in native data")
		return
	}
	in.trait(c, KindOLEObject, "native object data")
}

func (in *inspection) packaged(c content, name string, data []byte) {
	in.trait(c, KindOLEObject, "embedded file "+name)
	if in.b.takeMember() {
		in.member(c, name, data)
	} else {
		in.outOfMembers(c)
	}
}

func cString(b []byte) (string, []byte) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", nil
	}
	return string(b[:i]), b[i+1:]
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// openMSG reads an Outlook message (MS-OXMSG): its text, addresses and
// attachments, each in a storage "__attach_version1.0_#…".
func (in *inspection) openMSG(c content, f *cfb) {
	for _, body := range []string{"__substg1.0_1000001F", "__substg1.0_1000001E", "__substg1.0_10130102", "__substg1.0_1013001F"} {
		e := f.find(body)
		if e == nil {
			continue
		}
		data, _ := f.read(e)
		if strings.HasSuffix(body, "1F") {
			data = utf16Bytes(data, true)
		}
		urlsIn(data, func(u string, _, _ int) { in.url(c, InEML, u) })
	}
	for i := range f.entries {
		e := &f.entries[i]
		if e.stream || !strings.HasPrefix(strings.ToLower(e.name), "__attach_version1.0_") {
			continue
		}
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		if name, data := msgAttachment(f, i); len(data) > 0 || name != "" {
			in.member(c, name, data)
		}
	}
}

// msgAttachment reads PidTagAttachDataBinary and the longest file name.
func msgAttachment(f *cfb, storage int) (name string, data []byte) {
	for i := range f.entries {
		e := &f.entries[i]
		if !e.stream || e.parent != storage {
			continue
		}
		switch strings.ToUpper(strings.TrimPrefix(e.name, "__substg1.0_")) {
		case "37010102":
			data, _ = f.read(e)
		case "3707001F":
			b, _ := f.read(e)
			name = string(utf16Bytes(b, true))
		case "3707001E", "3704001E":
			if b, _ := f.read(e); name == "" {
				name = string(b)
			}
		}
	}
	return name, data
}
