package attach

import (
	"bytes"
	"path"
	"strings"
	"unicode/utf8"
)

// magic is a signature at a fixed offset.
type magic struct {
	offset int
	bytes  string
	typ    string
}

// magics in the order they are tried; the longer before what they begin with.
var magics = []magic{
	{0, "PK\x03\x04", "zip"}, {0, "PK\x05\x06", "zip"}, {0, "PK\x07\x08", "zip"},
	{0, "Rar!\x1a\x07", "rar"}, {0, "7z\xbc\xaf\x27\x1c", "7z"},
	{0, "\x1f\x8b\x08", "gzip"}, {0, "BZh", "bzip2"}, {0, "\xfd7zXZ\x00", "xz"}, {0, "\x28\xb5\x2f\xfd", "zstd"},
	{0, "MSCF", "cab"}, {7, "**ACE**", "ace"}, {257, "ustar", "tar"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"},
	{0, "\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", "lnk"},
	{0, "\x7fELF", "executable-elf"},
	{0, "\xfe\xed\xfa\xce", "executable-macho"}, {0, "\xfe\xed\xfa\xcf", "executable-macho"},
	{0, "\xce\xfa\xed\xfe", "executable-macho"}, {0, "\xcf\xfa\xed\xfe", "executable-macho"},
	{0, "\xca\xfe\xba\xbe", "class"},
	{0, "\x89PNG\r\n\x1a\n", "image-png"}, {0, "\xff\xd8\xff", "image-jpeg"}, {0, "GIF8", "image-gif"},
	{0, "II*\x00", "image-tiff"}, {0, "MM\x00*", "image-tiff"}, {4, "ftypheic", "image-heic"}, {4, "ftypavif", "image-avif"},
	{0, "ITSF\x03\x00\x00\x00", "chm"},
	{0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "onenote"},
	{0, "vhdxfile", "vhdx"}, {0, "conectix", "vhd"}, {0x8001, "CD001", "iso"}, {0x8801, "CD001", "iso"}, {0x9001, "CD001", "iso"},
	{0x8001, "NSR0", "iso"}, {0x8001, "BEA01", "iso"},
	{0, "{\\rt", "rtf"}, {0, "#@~^", "script-encoded"},
	{0, "ID3", "audio"}, {0, "OggS", "audio"}, {0, "fLaC", "audio"}, {4, "ftyp", "video"},
	{0, "\x78\x9f\x3e\x22", "tnef"}, {0, "%!PS", "postscript"},
}

// scriptTypes are extensions of files that run something when opened.
var scriptTypes = map[string]string{
	"js": "script-js", "jse": "script-js", "mjs": "script-js", "vbs": "script-vbs", "vbe": "script-vbs", "vb": "script-vbs",
	"wsf": "script-wsf", "wsh": "script-wsf", "wsc": "script-wsf", "sct": "script-wsf", "hta": "script-hta",
	"ps1": "script-powershell", "psm1": "script-powershell", "psd1": "script-powershell", "ps1xml": "script-powershell",
	"bat": "script-batch", "cmd": "script-batch", "py": "script-python", "pyw": "script-python", "pyz": "script-python",
	"sh": "script-shell", "bash": "script-shell", "zsh": "script-shell", "command": "script-shell", "csh": "script-shell",
	"reg": "script-registry", "inf": "script-inf", "scf": "script-scf", "pl": "script-perl", "rb": "script-ruby", "php": "script-php",
	"applescript": "script-apple", "scpt": "script-apple", "jnlp": "script-jnlp", "msc": "script-msc",
	"settingcontent-ms": "script-settingcontent", "library-ms": "script-library", "search-ms": "script-library",
	"appref-ms": "script-appref", "application": "script-appref", "iqy": "script-iqy", "slk": "script-slk", "rdp": "script-rdp",
	"theme": "script-theme", "ade": "script-access", "mde": "script-access", "xbap": "script-appref", "diagcab": "script-diagcab",
}

// programTypes are extensions of programs and of what installs or loads them.
var programTypes = map[string]bool{
	"exe": true, "scr": true, "com": true, "pif": true, "dll": true, "cpl": true, "msi": true, "msp": true, "mst": true, "jar": true,
	"xll": true, "wll": true, "ocx": true, "sys": true, "drv": true, "msix": true, "appx": true, "msixbundle": true, "appinstaller": true,
	"apk": true, "app": true, "dmg": true, "pkg": true, "deb": true, "rpm": true, "run": true, "bin": false, "gadget": true,
	"chm": true, "one": true, "onepkg": true, "ppam": true, "xlam": true, "dotm": false, "class": true, "war": true, "ipa": true,
}

// sniff says what data is. Signatures decide; the name only tells kinds of text apart.
func sniff(data []byte, name, media string) string {
	if len(data) == 0 {
		return "empty"
	}
	if len(data) > 0x40 && data[0] == 'M' && data[1] == 'Z' {
		return "executable-pe"
	}
	for _, m := range magics {
		if len(data) >= m.offset+len(m.bytes) && string(data[m.offset:m.offset+len(m.bytes)]) == m.bytes {
			return m.typ
		}
	}
	head := data[:min(len(data), 1024)]
	switch {
	case bytes.Contains(head, []byte("%PDF-")):
		return "pdf"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "image-webp"
	case len(data) >= 26 && string(data[:2]) == "BM" && data[6]|data[7]|data[8]|data[9] == 0:
		return "image-bmp"
	case len(data) >= 512 && string(data[len(data)-512:len(data)-504]) == "conectix":
		return "vhd"
	case len(data) >= 512 && data[510] == 0x55 && data[511] == 0xaa && (bytes.Contains(data[:96], []byte("FAT")) || bytes.Contains(data[:8], []byte("NTFS")) || extension(name) == "img"):
		return "img"
	}
	return sniffText(data, name, media)
}

// sniffText tells kinds of text apart by their beginning, then by name and media type.
func sniffText(data []byte, name, media string) string {
	head := decodeText(data[:min(len(data), 4096)])
	lead := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\x00")
	ext := extension(name)
	script, isScript := scriptTypes[ext]
	switch {
	case isScript:
		return script
	case hasPrefixFold(lead, "begin:vcalendar"):
		return "ics"
	case hasPrefixFold(lead, "begin:vcard"):
		return "vcard"
	case hasPrefixFold(lead, "[internetshortcut]") || containsFold(lead[:min(len(lead), 400)], "\n[internetshortcut]"):
		return "url"
	case hasPrefixFold(lead, "#!"):
		return "script-shell"
	}
	if t := sniffMarkup(lead, ext, media); t != "" {
		return t
	}
	if looksLikeMessage(lead, ext, media) {
		return "eml"
	}
	switch {
	case !mostlyText(head):
		return "binary"
	case ext == "csv" || ext == "tsv" || strings.Contains(media, "csv"):
		return "csv"
	case ext == "ics" || ext == "vcs" || media == "text/calendar":
		return "ics"
	}
	return "text"
}

func sniffMarkup(lead []byte, ext, media string) string {
	for hasPrefixFold(lead, "<!--") || hasPrefixFold(lead, "<?xml") {
		end := bytes.IndexByte(lead, '>')
		if end < 0 {
			break
		}
		lead = bytes.TrimLeft(lead[end+1:], " \t\r\n")
	}
	isHTML := ext == "html" || ext == "htm" || ext == "shtml" || ext == "xhtml" || ext == "mht" || ext == "mhtml" || strings.HasPrefix(media, "text/html") || strings.HasPrefix(media, "application/xhtml")
	switch {
	case hasPrefixFold(lead, "<svg"), containsFold(lead, "<!doctype svg"), containsFold(lead, "<svg:svg"):
		return "svg"
	case (ext == "svg" || media == "image/svg+xml") && containsFold(lead, "<svg"):
		return "svg"
	case hasPrefixFold(lead, "<!doctype html"), hasPrefixFold(lead, "<html"), isHTML && bytes.IndexByte(lead, '<') >= 0, isHTML && mostlyText(lead):
		return "html"
	case hasPrefixFold(lead, "<head"), hasPrefixFold(lead, "<body"), hasPrefixFold(lead, "<script"), hasPrefixFold(lead, "<form"), hasPrefixFold(lead, "<meta"):
		return "html"
	case hasPrefixFold(lead, "<hta:"):
		return "script-hta"
	case hasPrefixFold(lead, "<?mso-application"), hasPrefixFold(lead, "<w:worddocument"), containsFold(lead, "schemas.microsoft.com/office/word/2003/wordml"), hasPrefixFold(lead, "<pkg:package"):
		return "office-xml"
	case bytes.HasPrefix(lead, []byte("<")):
		return "xml"
	}
	return ""
}

// looksLikeMessage wants two header fields that mail always has at the top.
func looksLikeMessage(lead []byte, ext, media string) bool {
	if ext == "eml" || media == "message/rfc822" {
		return bytes.IndexByte(lead, ':') > 0
	}
	n := 0
	for line := range bytes.Lines(lead[:min(len(lead), 2048)]) {
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
		for _, f := range []string{"received:", "return-path:", "from:", "to:", "subject:", "message-id:", "mime-version:", "date:"} {
			if hasPrefixFold(line, f) {
				n++
			}
		}
	}
	return n >= 3
}

// decodeText turns UTF-16 with a byte order mark into UTF-8 and leaves the rest.
func decodeText(data []byte) []byte {
	if len(data) < 2 {
		return data
	}
	switch {
	case data[0] == 0xff && data[1] == 0xfe:
		return utf16Bytes(data[2:], true)
	case data[0] == 0xfe && data[1] == 0xff:
		return utf16Bytes(data[2:], false)
	}
	return data
}

// utf16Bytes decodes UTF-16 to UTF-8; lone surrogates become U+FFFD.
func utf16Bytes(data []byte, little bool) []byte {
	unit := func(i int) rune {
		if little {
			return rune(data[i]) | rune(data[i+1])<<8
		}
		return rune(data[i])<<8 | rune(data[i+1])
	}
	out := make([]byte, 0, len(data)/2+8)
	for i := 0; i+1 < len(data); i += 2 {
		r := unit(i)
		if r >= 0xd800 && r < 0xdc00 && i+3 < len(data) {
			if low := unit(i + 2); low >= 0xdc00 && low < 0xe000 {
				r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func mostlyText(data []byte) bool {
	odd := 0
	for _, b := range data {
		if b < 9 || b > 13 && b < 32 && b != 27 {
			odd++
		}
	}
	return odd*50 <= len(data)
}

func hasPrefixFold(data []byte, lower string) bool {
	return len(data) >= len(lower) && foldEqual(data, lower)
}

// extension returns the last extension of a name in lower case, without the
// dot, the way the target system reads it: trailing dots and spaces do not count.
func extension(name string) string {
	name = strings.TrimRight(strings.ToLower(baseName(name)), ". \t\u00a0\u3000")
	ext := path.Ext(stripInvisible(name))
	return strings.TrimSpace(strings.TrimPrefix(ext, "."))
}

// baseName cuts folders off, with either kind of slash.
func baseName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		return name[i+1:]
	}
	return name
}
