package attach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// VBA projects (MS-OVBA). The source of each module is kept compressed in a
// stream of its own; the stream "dir" tells where in it the source begins.

var errOVBA = errors.New("compressed VBA is damaged")

// maxVBA bounds the source of one module; a chunk of 3 bytes can make 4096.
const maxVBA = 4 << 20

// decompressVBA undoes the compression of MS-OVBA §2.4.1. It returns what it
// got also with an error.
func decompressVBA(data []byte) ([]byte, error) {
	if len(data) < 3 || data[0] != 1 {
		return nil, errOVBA
	}
	var out []byte
	for at := 1; at+2 <= len(data); {
		header := binary.LittleEndian.Uint16(data[at:])
		size := int(header&0x0fff) + 3
		if header>>12&7 != 3 {
			return out, errOVBA
		}
		end := min(at+size, len(data))
		chunk := data[at+2 : end]
		if header&0x8000 == 0 {
			out = append(out, chunk[:min(len(chunk), 4096)]...)
		} else {
			var err error
			if out, err = decompressChunk(out, chunk); err != nil {
				return out, err
			}
		}
		if len(out) > maxVBA {
			return out[:maxVBA], errBudget
		}
		at = end
	}
	return out, nil
}

// decompressChunk appends one chunk: flag bytes, each before eight tokens that
// are literals or copies of what came before in the same chunk (§2.4.1.3).
func decompressChunk(out, chunk []byte) ([]byte, error) {
	start := len(out)
	for at := 0; at < len(chunk); {
		flags := chunk[at]
		at++
		for bit := range 8 {
			if at >= len(chunk) {
				return out, nil
			}
			if flags>>bit&1 == 0 {
				out = append(out, chunk[at])
				at++
				continue
			}
			if at+2 > len(chunk) {
				return out, errOVBA
			}
			offset, length := copyToken(binary.LittleEndian.Uint16(chunk[at:]), len(out)-start)
			at += 2
			if offset > len(out)-start || len(out)-start+length > 4096 {
				return out, errOVBA
			}
			for range length {
				out = append(out, out[len(out)-offset])
			}
		}
	}
	return out, nil
}

// copyToken splits a token; how many bits are offset depends on how much of the
// chunk is there already (§2.4.1.3.19.1).
func copyToken(token uint16, done int) (offset, length int) {
	bits := 4
	for 1<<bits < done {
		bits++
	}
	bits = min(bits, 12)
	return int(token>>(16-bits)) + 1, int(token&(0xffff>>bits)) + 3
}

// vbaAuto are procedures that run without being asked, in lower case.
var vbaAuto = []string{
	"autoopen", "autoexec", "autoclose", "autoexit", "autonew", "auto_open", "auto_close", "auto_activate",
	"document_open", "document_close", "document_new", "documentopen", "document_beforeclose", "workbook_open", "workbook_activate", "workbook_beforeclose",
	"worksheet_activate", "worksheet_change", "presentation_open", "_layout", "_mouseenter", "_mousehover", "_painted", "_titlechange", "inkpicture",
}

// vbaReach are the words with which a macro reaches out of the document.
var vbaReach = []string{
	"shell", "createobject", "getobject", "wscript.shell", "shell.application", "msxml2.xmlhttp", "winhttp", "urldownloadtofile",
	"adodb.stream", "powershell", "cmd /c", "cmd.exe", "mshta", "rundll32", "regsvr32", "certutil", "bitsadmin", "environ", "callbyname",
	"virtualalloc", "createthread", "rtlmovememory", "savetofile", "regwrite", "winmgmts", "macscript", "kill ", "strreverse", "chrw",
}

// vbaProject judges a compound file that holds a VBA project, as one of its storages.
func (in *inspection) vbaProject(c content, data []byte) {
	f, err := openCFB(data)
	if err != nil {
		in.trait(c, KindMacro, "VBA project, not readable")
		in.incomplete("%s: %v", c.label(), err)
		return
	}
	in.vba(c, f)
}

// vba looks for the project in an opened compound file and tells whether there is one.
func (in *inspection) vba(c content, f *cfb) bool {
	dir := vbaDir(f)
	if dir == nil {
		if f.storage("_VBA_PROJECT_CUR") >= 0 || f.storage("VBA") >= 0 || f.find("_VBA_PROJECT") != nil {
			in.trait(c, KindMacro, "VBA project without readable directory")
			return true
		}
		return false
	}
	offsets := moduleOffsets(f, dir)
	var source bytes.Buffer
	modules, silent := 0, 0
	for i := range f.entries {
		e := &f.entries[i]
		if !e.stream || e.parent != dir.parent || isVBABookkeeping(e.name) {
			continue
		}
		modules++
		text := in.moduleSource(f, e, offsets)
		if len(bytes.TrimSpace(text)) == 0 {
			silent++
		}
		source.Write(text)
		source.WriteByte('\n')
		if source.Len() > maxVBA {
			in.incomplete("%s: more than %d bytes of VBA source", c.label(), maxVBA)
			break
		}
	}
	in.vbaSource(c, source.Bytes(), modules, silent)
	return true
}

func vbaDir(f *cfb) *cfbEntry {
	for i := range f.entries {
		e := &f.entries[i]
		if e.stream && strings.EqualFold(e.name, "dir") && e.parent >= 0 && strings.EqualFold(f.entries[e.parent].name, "VBA") {
			return e
		}
	}
	return nil
}

func isVBABookkeeping(name string) bool {
	n := strings.ToLower(name)
	return n == "dir" || n == "_vba_project" || strings.HasPrefix(n, "__srp_")
}

// moduleOffsets reads the records of the directory (§2.3.4.2): the stream name
// of each module and where its source begins.
func moduleOffsets(f *cfb, dir *cfbEntry) map[string]int {
	packed, _ := f.read(dir)
	data, _ := decompressVBA(packed)
	out := map[string]int{}
	name := ""
	for at := 0; at+6 <= len(data); {
		id, size := binary.LittleEndian.Uint16(data[at:]), int(binary.LittleEndian.Uint32(data[at+2:]))
		if id == 0x0009 { // PROJECTVERSION says 4 and takes 6
			size = 6
		}
		at += 6
		if size < 0 || size > len(data)-at {
			break
		}
		switch id {
		case 0x001a: // MODULESTREAMNAME
			name = string(data[at : at+size])
		case 0x0032: // MODULESTREAMNAMEUNICODE
			name = string(utf16Bytes(data[at:at+size], true))
		case 0x0031: // MODULEOFFSET
			if size == 4 {
				out[strings.ToLower(name)] = int(binary.LittleEndian.Uint32(data[at:]))
			}
		}
		at += size
	}
	return out
}

// moduleSource decompresses one module. Where the directory gives no good
// offset it looks for the line that begins every module, as compressed.
func (in *inspection) moduleSource(f *cfb, e *cfbEntry, offsets map[string]int) []byte {
	data, _ := f.read(e)
	if at, ok := offsets[strings.ToLower(e.name)]; ok && at >= 0 && at < len(data) {
		if text, err := decompressVBA(data[at:]); err == nil || len(text) > 0 {
			return text
		}
	}
	if i := bytes.Index(data, []byte("\x00Attribut")); i >= 3 {
		text, _ := decompressVBA(data[i-3:])
		return text
	}
	return nil
}

// vbaSource states what the macros do, and keeps the addresses in them.
func (in *inspection) vbaSource(c content, source []byte, modules, silent int) {
	lower := bytes.ToLower(source)
	auto, reach := wordsFound(lower, vbaAuto), wordsFound(lower, vbaReach)
	detail := fmt.Sprintf("VBA project of %d modules", modules)
	if len(auto) > 0 {
		detail += "; runs by itself: " + strings.Join(auto, ", ")
	}
	if len(reach) > 0 {
		detail += "; uses: " + strings.Join(reach, ", ")
	}
	if modules > 0 && silent == modules {
		detail += "; no source text, compiled code only"
	}
	in.trait(c, KindMacro, detail)
	urlsIn(source, func(u string, _, _ int) { in.url(c, InText, u) })
}

func wordsFound(lower []byte, words []string) []string {
	var out []string
	for _, w := range words {
		if bytes.Contains(lower, []byte(w)) {
			out = append(out, strings.TrimSpace(w))
		}
	}
	return out
}
