package synth

import (
	"strings"
	"time"
)

// AttachmentClasses are the kinds of dangerous file.
func AttachmentClasses() []string {
	return []string{
		"attachment/macro-ole", "attachment/macro-ooxml", "attachment/remote-template", "attachment/lnk", "attachment/iso",
		"attachment/img", "attachment/vhd", "attachment/script", "attachment/svg-script", "attachment/encrypted-archive",
		"attachment/double-extension", "attachment/rtl-name", "attachment/pdf-action", "attachment/calendar-link", "attachment/nested-archive",
	}
}

// file is what hangs on a mail.
type file struct {
	name, mediaType string
	content         []byte
}

const (
	typeBinary = "application/octet-stream"
	typeDocx   = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	typeXlsx   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// Attachments makes n messages of every class, and n with harmless files
// (Class "attachment/control"). The files have the structure that makes the
// kind dangerous and do nothing: scripts show a sentence, shortcuts lead nowhere.
func Attachments(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "attachments")
	var mails []Mail
	for _, class := range append(AttachmentClasses(), "attachment/control") {
		for range n {
			mails = append(mails, h.fileMail(d, class))
		}
	}
	return inOrder(mails)
}

func (h *House) fileMail(d *draw, class string) Mail {
	rcpt := one(d, h.others(nil))
	s := d.stranger(h.cultures)
	lang := "en"
	if d.chance(30) {
		lang = rcpt.Language
	}
	t := d.template("attachments", lang, "")
	lang = t.lang
	l := letter{when: d.day(), lang: lang, auth: one(d, []outcome{authPass, authPass, authNone})}
	l.from = box{s.full(), d.address(s.given.latin, s.family.latin, ownAll(d, freemail))}
	if d.chance(50) {
		l.from.addr = localPart(s.family.latin) + "@" + organisations([]string{own(d, suppliers)})[0].Domains[0]
	}
	words := append(d.occasion(lang, l.when), personal(rcpt.Latin(), s.full())...)
	var body string
	l.subject, body = words.template(t)
	l.text = d.letterText(lang, body, words)
	d.dress(&l)
	f := d.file(strings.TrimPrefix(class, "attachment/"), rcpt, l.when)
	l.attach = []part{attachment(f.name, f.mediaType, f.content)}
	if class == "attachment/calendar-link" {
		l.attach[0].fields[0] = "Content-Type: text/calendar; charset=utf-8; method=REQUEST; name=\"" + f.name + "\""
	}
	return h.deliverTo(d, l, rcpt, Truth{Class: class, Malicious: class != "attachment/control"})
}

var fileNames = []string{"Invoice", "Draft_statement", "Programme", "Minutes", "List", "Scan_0231", "Position_paper", "CV", "Agenda", "Contract"}

// inertScript is all that the script files say.
const inertScript = "// nothing happens here\nWScript.Echo(\"an invented message\");\n"

func (d *draw) file(kind string, rcpt *Person, when time.Time) file {
	name := own(d, fileNames)
	bad := "https://" + own(d, hostWords) + ".test/" + d.path()
	switch kind {
	case "macro-ole":
		return file{name + ".doc", "application/msword", compoundFile(true)}
	case "macro-ooxml":
		return file{name + ".docm", "application/vnd.ms-word.document.macroEnabled.12", docx("", compoundFile(false))}
	case "remote-template":
		return file{name + ".docx", typeDocx, docx(bad+".dotm", nil)}
	case "lnk":
		return file{name + ".pdf.lnk", typeBinary, shortcut()}
	case "iso":
		return file{name + ".iso", "application/x-iso9660-image", isoImage()}
	case "img":
		return file{name + ".img", typeBinary, fatImage()}
	case "vhd":
		return file{name + ".vhd", typeBinary, virtualDisk()}
	case "script":
		return file{name + one(d, []string{".js", ".vbs", ".hta", ".wsf", ".jse", ".ps1"}), typeBinary, []byte(inertScript)}
	case "svg-script":
		return file{name + ".svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>/* nothing */ var to="` + bad + `";</script><rect width="9" height="9"/></svg>`)}
	case "encrypted-archive":
		return file{name + ".zip", "application/zip", lockedZip(d, name+".docx")}
	case "double-extension":
		return file{name + one(d, []string{".pdf.exe", ".docx.scr", ".xlsx.com", ".jpg.exe", ".pdf.bat"}), typeBinary, []byte("MZ, but not really a program\n")}
	case "rtl-name":
		return file{name + "_\u202e" + one(d, []string{"fdp", "xcod", "gpj"}) + "." + one(d, []string{"exe", "scr", "js"}), typeBinary, []byte("MZ, but not really a program\n")}
	case "pdf-action":
		return file{name + ".pdf", "application/pdf", pdfFile(one(d, []string{"/S /JavaScript /JS (app.alert\\('invented'\\))", "/S /Launch /F (nothing.txt)", "/S /SubmitForm /F (" + bad + ")"}))}
	case "calendar-link":
		return file{"invite.ics", "text/calendar", []byte(toCRLF(linkedInvitation(d, rcpt, when, bad)))}
	case "nested-archive":
		inner := zipFiles(file{name: name + ".js", content: []byte(inertScript)})
		return file{name + ".zip", "application/zip", zipFiles(file{name: "documents.zip", content: inner})}
	}
	return d.harmlessFile(name, rcpt, when)
}

// harmlessFile is what people really attach.
func (d *draw) harmlessFile(name string, rcpt *Person, when time.Time) file {
	switch d.IntN(5) {
	case 0:
		return file{name + ".docx", typeDocx, docx("", nil)}
	case 1:
		return file{name + ".zip", "application/zip", zipFiles(file{name: "photo-1.png", content: qrPNG("photo", 2)}, file{name: "read me.txt", content: []byte("Two photographs.\n")})}
	case 2:
		return file{name + ".svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>`)}
	case 3:
		return file{"invite.ics", "text/calendar", []byte(toCRLF(invitation(d, one(d, meetings), rcpt, rcpt, when.AddDate(0, 0, 3).Truncate(time.Hour), "Room 12")))}
	default:
		return file{name + ".pdf", "application/pdf", pdfFile("")}
	}
}

// linkedInvitation is a calendar entry by a stranger, with a link as its place.
func linkedInvitation(d *draw, rcpt *Person, when time.Time, link string) string {
	s := organisations([]string{own(d, unknownSenders["event"])})[0]
	host := Person{given: word{latin: s.Name}, Addresses: []string{"invitation@" + s.Domains[0]}}
	ics := invitation(d, "Confidential briefing", &host, rcpt, when.AddDate(0, 0, 2).Truncate(time.Hour), link)
	return strings.Replace(ics, "END:VEVENT", "URL:"+link+"\nDESCRIPTION:Join here: "+link+"\nEND:VEVENT", 1)
}
