package attach

import (
	"fmt"
	"strings"
	"unicode"
)

// isBidi reports the controls that change the direction of what follows
// (UAX #9 §2). In a file name they serve to turn an extension around.
func isBidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

// isInvisible reports characters that take no visible room.
func isInvisible(r rune) bool {
	switch {
	case r >= 0x200b && r <= 0x200d, r >= 0x2060 && r <= 0x2064, r == 0xfeff, r == 0x00ad, r == 0x034f, r == 0x180e,
		r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2800, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return unicode.IsControl(r)
}

func stripInvisible(s string) string {
	return strings.Map(func(r rune) rune {
		if isBidi(r) || isInvisible(r) {
			return -1
		}
		return r
	}, s)
}

// documentTypes are the extensions a victim believes to be harmless.
var documentTypes = map[string]bool{
	"pdf": true, "doc": true, "docx": true, "xls": true, "xlsx": true, "ppt": true, "pptx": true, "odt": true, "ods": true, "rtf": true,
	"txt": true, "csv": true, "jpg": true, "jpeg": true, "png": true, "gif": true, "mp3": true, "mp4": true, "wav": true, "eml": true, "msg": true,
	"html": true, "htm": true, "tif": true, "tiff": true, "bmp": true, "zip": true,
}

// spaced is an extension pushed out of sight.
var spaced = lazyRegexp(`[\p{Zs}\t_.]{8,}\.?\p{Zs}*[A-Za-z0-9]{1,8}$`)

// nameTraits records what a name hides, and programs and scripts known by name.
func (in *inspection) nameTraits(c content, typ string) {
	base := baseName(c.name)
	if i := strings.IndexFunc(base, isBidi); i >= 0 && bidiHides(base) {
		in.trait(c, KindRTLName, fmt.Sprintf("bidirectional control in the name, which really ends in .%s", extension(base)))
	}
	if strings.IndexFunc(strings.TrimSpace(base), isInvisible) >= 0 {
		in.trait(c, KindInvisibleName, "characters that show nothing stand in the name")
	}
	in.doubleExtension(c, base)
	in.runnable(c, typ)
	in.mismatch(c, typ)
}

// bidiHides leaves out the marks that right-to-left names use by themselves: a
// name written in such a script may hold LRM, RLM and ALM.
func bidiHides(base string) bool {
	override := strings.ContainsFunc(base, func(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 })
	return override || !strings.ContainsFunc(base, func(r rune) bool {
		return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana)
	})
}

func (in *inspection) doubleExtension(c content, base string) {
	clean := strings.TrimRight(stripInvisible(strings.ToLower(base)), ". ")
	last := extension(base)
	rest := strings.TrimRight(strings.TrimSuffix(clean, "."+last), " _.\u00a0\u3000")
	before := extension(rest)
	_, script := scriptTypes[last]
	danger := script || programTypes[last] || last == "lnk" || last == "iso" || last == "img" || last == "vhd" || last == "url" ||
		(last == "html" || last == "htm" || last == "svg") && before != "html" && before != "htm"
	switch {
	case danger && documentTypes[before] && before != rest:
		in.trait(c, KindDoubleExtension, fmt.Sprintf("ends in .%s behind .%s", last, before))
	case danger && spaced().MatchString(clean):
		in.trait(c, KindDoubleExtension, fmt.Sprintf("ends in .%s behind a long gap", last))
	}
}

// runnable records content that runs, or loads into something that runs it,
// when it is opened; by content first, by name where content says nothing.
func (in *inspection) runnable(c content, typ string) {
	ext := extension(c.name)
	switch {
	case strings.HasPrefix(typ, "executable-"):
		in.trait(c, KindExecutable, strings.TrimPrefix(typ, "executable-")+" program")
	case strings.HasPrefix(typ, "script-"):
		in.trait(c, KindScript, strings.TrimPrefix(typ, "script-"))
	case typ == "class":
		in.trait(c, KindScript, "java class or universal binary")
	case typ == "chm":
		in.trait(c, KindScript, "compiled help file, which can run script")
	case programTypes[ext]:
		in.trait(c, KindScript, "."+ext+" file, which runs or loads code when opened")
	}
	if s, ok := scriptTypes[ext]; ok && !strings.HasPrefix(typ, "script-") {
		in.trait(c, KindScript, "."+ext+" file ("+strings.TrimPrefix(s, "script-")+")")
	}
}

// family groups types that pass for each other without deceit.
func family(typ string) string {
	switch {
	case strings.HasPrefix(typ, "ooxml-"), strings.HasPrefix(typ, "odf-"), typ == "ole", typ == "rtf", typ == "office-xml", typ == "msg":
		return "office document"
	case strings.HasPrefix(typ, "image-"), typ == "svg":
		return "picture"
	case strings.HasPrefix(typ, "executable-"), typ == "class":
		return "program"
	case strings.HasPrefix(typ, "script-"):
		return "script"
	}
	switch typ {
	case "zip", "rar", "7z", "gzip", "bzip2", "xz", "zstd", "tar", "cab", "ace":
		return "archive"
	case "iso", "img", "vhd", "vhdx":
		return "disk image"
	case "pdf", "html", "lnk", "onenote", "chm":
		return typ
	}
	return "" // text and unknown content can be anything
}

// extensionFamily is what a name promises.
var extensionFamily = map[string]string{
	"pdf": "pdf", "doc": "office document", "docx": "office document", "docm": "office document", "dot": "office document",
	"xls": "office document", "xlsx": "office document", "xlsm": "office document", "xlsb": "office document", "ppt": "office document",
	"pptx": "office document", "rtf": "office document", "odt": "office document", "ods": "office document", "odp": "office document",
	"jpg": "picture", "jpeg": "picture", "png": "picture", "gif": "picture", "bmp": "picture", "webp": "picture", "tif": "picture", "tiff": "picture",
	"zip": "archive", "rar": "archive", "7z": "archive", "gz": "archive", "tgz": "archive", "tar": "archive", "bz2": "archive", "cab": "archive",
	"txt": "text", "csv": "text", "log": "text", "ics": "text", "vcf": "text", "eml": "text", "mp3": "audio", "wav": "audio", "mp4": "video", "html": "html", "htm": "html",
}

var mediaFamily = map[string]string{
	"application/pdf": "pdf", "application/msword": "office document", "application/rtf": "office document",
	"application/vnd.ms-excel": "office document", "application/vnd.ms-powerpoint": "office document",
	"image/jpeg": "picture", "image/png": "picture", "image/gif": "picture", "image/bmp": "picture", "image/webp": "picture", "image/svg+xml": "picture",
	"text/html": "html", "text/plain": "text", "text/csv": "text", "text/calendar": "text", "application/zip": "archive",
	"audio/mpeg": "audio", "audio/wav": "audio", "video/mp4": "video",
}

// mismatch compares the content's family with what name and media type promise.
// Only content that is recognised for sure counts, and a document in another
// format of documents, or a picture in another of pictures, is no deceit. A
// media type alone is not held against an archive or document under its right
// name: many programs send everything as text or octets.
func (in *inspection) mismatch(c content, typ string) {
	is := family(typ)
	ext := extension(c.name)
	promised := extensionFamily[ext]
	if is == "" || is == promised {
		return
	}
	if is == "archive" && (promised == "office document" || promised == "") { // OOXML is recognised later, as is .jar and the like
		return
	}
	if is == "html" && promised == "office document" && (ext == "doc" || ext == "xls") { // what web programs export as "Excel"
		in.trait(c, KindTypeMismatch, "named ."+ext+", content is html")
		return
	}
	if promised != "" {
		in.trait(c, KindTypeMismatch, fmt.Sprintf("named .%s, content is %s", ext, typ))
		return
	}
	media, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(c.media)), ";")
	said := mediaFamily[media]
	if strings.HasPrefix(media, "application/vnd.openxmlformats") || strings.HasPrefix(media, "application/vnd.oasis") {
		said = "office document"
	}
	if said != "" && said != is && is != "archive" {
		in.trait(c, KindTypeMismatch, fmt.Sprintf("sent as %s, content is %s", media, typ))
	}
}
