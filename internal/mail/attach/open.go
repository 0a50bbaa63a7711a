package attach

import "strings"

// open looks into content of a known type and returns the type made more exact.
func (in *inspection) open(c content, typ string) string {
	switch typ {
	case "zip":
		return in.openZip(c)
	case "ole":
		return in.openOLE(c)
	case "pdf":
		in.openPDF(c)
	case "gzip", "bzip2", "zstd":
		in.openStream(c, typ)
	case "tar":
		in.openTar(c)
	case "7z":
		in.openSevenZip(c)
	case "rar":
		in.openRar(c)
	case "cab", "ace", "xz":
		in.incomplete("%s: %s archives are not opened", c.label(), typ)
		in.nested(c)
	case "iso", "img", "vhd", "vhdx":
		in.openDisk(c, typ)
	case "lnk":
		in.openLNK(c)
	case "html", "script-hta", "script-wsf":
		in.openHTML(c)
	case "svg":
		in.openSVG(c)
	case "ics":
		in.openCalendar(c)
	case "rtf":
		in.openRTF(c)
	case "eml":
		in.openMessage(c)
	case "tnef":
		in.openTNEF(c)
	case "onenote":
		in.openOneNote(c)
	case "url":
		in.openShortcut(c)
	case "office-xml", "xml":
		in.openOfficeXML(c)
	case "text", "csv", "vcard":
		in.openText(c, typ)
	default:
		switch {
		case strings.HasPrefix(typ, "image-"):
			in.openImage(c, typ)
		case strings.HasPrefix(typ, "script-"):
			in.openScript(c)
		}
	}
	return typ
}
