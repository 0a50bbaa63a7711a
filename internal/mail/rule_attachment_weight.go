package mail

import (
	"regexp"
	"strings"
	"sync"

	"portcullis.example/portcullis/internal/mail/attach"
	"portcullis.example/portcullis/internal/observable"
)

// ability is what one trait of an attachment weighs: tenths of log-odds where
// protected people are concerned, points where not.
type ability struct{ tenths, points int }

// The steps of the scale. Decisive ones pass the mark of a finding by
// themselves (see worthALook), strong ones with a sender nobody knows; the rest
// need company.
var (
	decisive  = ability{38, 40}
	strong    = ability{32, 30}
	middling  = ability{24, 15}
	slight    = ability{10, 5}
	everyday  = ability{4, 0} // common in good mail
	nothing   = ability{}
	pageFound = ability{36, 0} // the rules about ordinary phishing give the points
)

// drawnCodePoints are for a QR code drawn with characters.
const drawnCodePoints = 30

// manyMembers is from how many files on a container is taken for a collection,
// a source tree or a program's distribution, where scripts are ordinary.
const manyMembers = 12

var abilityWords = map[string]string{
	attach.KindMacro:             "holds macros",
	attach.KindXLMMacro:          "holds macros of the old kind (Excel 4.0)",
	attach.KindRemoteTemplate:    "loads a part of itself, and whatever runs in it, from elsewhere",
	attach.KindOLEObject:         "holds another file that starts at a double click",
	attach.KindDDE:               "starts a program when opened",
	attach.KindEquationEditor:    "uses the Equation Editor, which is known for its holes",
	attach.KindLNK:               "is a shortcut that runs a command",
	attach.KindDiskImage:         "is a disk image, whose files lose the warning that they are from the internet",
	attach.KindScript:            "runs when opened",
	attach.KindExecutable:        "is or holds a program",
	attach.KindSVGScript:         "is a picture that runs a script",
	attach.KindHTMLSmuggling:     "is a page that assembles a file out of its own text",
	attach.KindHTMLForm:          "is a page that asks for a password",
	attach.KindHTMLRedirect:      "is a page that only leads to another",
	attach.KindEncryptedArchive:  "cannot be looked into without a password",
	attach.KindEncryptedDocument: "cannot be read without a password",
	attach.KindDoubleExtension:   "ends in another type than it seems to",
	attach.KindRTLName:           "has its name turned around so that it looks like another type",
	attach.KindInvisibleName:     "has characters in its name that cannot be seen",
	attach.KindTypeMismatch:      "is not what its name says",
	attach.KindPDFAction:         "does something when opened",
	attach.KindCalendarLink:      "is an invitation with a link",
	attach.KindArchiveBomb:       "unpacks to far more than it weighs",
	attach.KindNestedArchive:     "is an archive in an archive",
	attach.KindPasswordHint:      "tells a password",
}

// ability weighs one trait.
func (in *Input) ability(t attach.Trait, r *attach.Report) ability {
	switch t.Kind {
	case attach.KindMacro:
		return macroAbility(t.Detail)
	case attach.KindXLMMacro, attach.KindDDE, attach.KindRTLName:
		return decisive
	case attach.KindRemoteTemplate:
		return in.templateAbility(t)
	case attach.KindOLEObject:
		return objectAbility(t.Detail)
	case attach.KindEquationEditor:
		if r.Type == "rtf" {
			return decisive
		}
		return slight // documents of before 2018 hold true equations
	case attach.KindLNK:
		return shortcutAbility(t.Detail)
	case attach.KindScript, attach.KindExecutable:
		return codeAbility(t, r)
	case attach.KindDoubleExtension:
		return doubleAbility(t.Detail)
	case attach.KindDiskImage, attach.KindSVGScript:
		return strong
	case attach.KindHTMLSmuggling, attach.KindHTMLForm:
		return pageFound
	case attach.KindEncryptedArchive, attach.KindEncryptedDocument:
		return in.lockedAbility(t.Kind)
	case attach.KindInvisibleName, attach.KindArchiveBomb:
		return middling
	case attach.KindPDFAction:
		return in.pdfAbility(t.Detail)
	case attach.KindCalendarLink:
		return in.invitationAbility(t.Detail)
	case attach.KindHTMLRedirect, attach.KindNestedArchive, attach.KindTypeMismatch:
		return everyday
	}
	return nothing
}

// macroAbility: macros that start by themselves or reach for the system.
func macroAbility(detail string) ability {
	auto, reach := strings.Contains(detail, "runs by itself"), strings.Contains(detail, "uses:")
	auto = auto || strings.HasPrefix(detail, "ribbon") || strings.HasPrefix(detail, "event ")
	switch {
	case auto && reach, strings.Contains(detail, "no source text"):
		return ability{46, 45}
	case auto || reach:
		return decisive
	}
	return middling
}

// templateAbility: a template at the sender's own house is how some houses work.
func (in *Input) templateAbility(t attach.Trait) ability {
	_, target, _ := strings.Cut(t.Detail, " from ")
	u, err := observable.ParseURL(target)
	if err == nil && u.Host != "" && in.SenderOrg != "" && observable.OrgDomain(u.Host) == in.SenderOrg {
		return middling
	}
	return decisive
}

// objectAbility: tables and drawings of other programs are embedded every day;
// what starts a program, or loads without a click, is not.
func objectAbility(detail string) ability {
	switch {
	case strings.Contains(detail, "without a click"), strings.Contains(detail, "protocol that runs"), strings.HasPrefix(detail, "slide action program"):
		return decisive
	case strings.HasPrefix(detail, "embedded file") && runsByName(detail):
		return decisive
	case strings.HasPrefix(detail, "embedded file of type executable"), strings.HasPrefix(detail, "embedded file of type script"), strings.HasPrefix(detail, "embedded file of type lnk"):
		return decisive
	case strings.HasPrefix(detail, "slide action"):
		return slight
	}
	return everyday
}

// runsByName tells names of what Windows runs at a double click.
func runsByName(name string) bool {
	lower := strings.ToLower(strings.TrimSpace(name))
	for _, ext := range []string{".exe", ".scr", ".com", ".pif", ".bat", ".cmd", ".js", ".jse", ".vbs", ".vbe", ".wsf", ".hta", ".lnk", ".ps1", ".msi", ".jar", ".cpl", ".dll"} {
		if strings.HasSuffix(lower, ext) {
			return true
		}
	}
	return false
}

// shortcutAbility: internet shortcuts to web pages are saved bookmarks.
func shortcutAbility(detail string) ability {
	if target, ok := strings.CutPrefix(detail, "internet shortcut to "); ok {
		lower := strings.ToLower(target)
		if strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") {
			return slight
		}
	}
	return decisive
}

// developers are the languages of those who send each other scripts.
var developers = []string{"python", "shell", "perl", "ruby", "php", "apple", "powershell", "batch", "js", "inf"}

// codeAbility: programs and scripts. A double click runs the Windows kinds; the
// others are what technical people exchange. In a collection of many files
// nothing tells whose they are.
func codeAbility(t attach.Trait, r *attach.Report) ability {
	collection := len(r.Members) > manyMembers
	word, _, _ := strings.Cut(t.Detail, " ")
	switch {
	case strings.HasPrefix(t.Detail, "uses "):
		return everyday // beside the trait that names the script
	case t.Kind == attach.KindExecutable && t.Detail == "elf program", strings.HasPrefix(t.Detail, "java class"), strings.HasPrefix(t.Detail, "Java archive"):
		return slight
	case t.Kind == attach.KindExecutable && collection:
		return slight
	case t.Kind == attach.KindExecutable:
		return decisive
	}
	for i, language := range developers {
		if word != language {
			continue
		}
		if i < 6 || collection || language == "inf" {
			return everyday
		}
	}
	if collection && t.Path != "" && !strings.HasPrefix(t.Detail, "hta") && !strings.HasPrefix(t.Detail, "vbs") && !strings.HasPrefix(t.Detail, "wsf") {
		return slight
	}
	if strings.Contains(t.Detail, "(registry)") || word == "registry" {
		return middling
	}
	return decisive
}

// doubleAbility: "report.pdf.html" and "photo.jpg.svg" are what programs make
// when they convert; only what runs is decisive.
func doubleAbility(detail string) ability {
	ending, _, _ := strings.Cut(strings.TrimPrefix(detail, "ends in "), " ")
	switch ending {
	case ".html", ".htm", ".svg", ".url", ".py", ".sh", ".php", ".pl", ".rb":
		return slight
	}
	return ability{42, 45}
}

// pdfAbility: forms check their fields by script and are sent to whom they came
// from. A PDF that starts a program, or sends what is in it elsewhere, is rare.
func (in *Input) pdfAbility(detail string) ability {
	what, target, _ := strings.Cut(detail, " ")
	switch what {
	case "Launch":
		return decisive
	case "SubmitForm":
		u, err := observable.ParseURL(strings.TrimPrefix(target, "to "))
		if err == nil && u.Host != "" && observable.OrgDomain(u.Host) != in.SenderOrg && in.People.KnownDomain(u.Host) == nil {
			return middling
		}
	case "JavaScript":
		if reach := strings.TrimPrefix(target, "with "); strings.Contains(reach, "exportdataobject") || strings.Contains(reach, "collab.") || strings.Contains(reach, "unescape") {
			return strong
		}
		return ability{15, 5}
	case "embedded":
		if runsByName(detail) {
			return decisive
		}
		return everyday // the file itself is looked into as well
	}
	return slight
}

// invitationAbility: good mail invites with links all the time. That the
// organizer is of another house than the sender is worth a note.
func (in *Input) invitationAbility(detail string) ability {
	_, organizer, _ := strings.Cut(detail, "organizer ")
	organizer, _, _ = strings.Cut(organizer, " ")
	canon, err := observable.Email(strings.TrimPrefix(strings.ToLower(organizer), "mailto:"))
	if err != nil || observable.OrgDomain(canon[strings.LastIndexByte(canon, '@')+1:]) == in.SenderOrg {
		return everyday
	}
	return ability{slight.tenths, 0}
}

// lockedAbility: who sends the password in the same mail locks the file against
// filters, not against readers (T1027.013).
func (in *Input) lockedAbility(kind string) ability {
	told := passwordTold().MatchString(in.Body[:min(len(in.Body), 64<<10)])
	switch {
	case told && kind == attach.KindEncryptedArchive:
		return ability{34, 30}
	case told:
		return ability{26, 20}
	case kind == attach.KindEncryptedArchive:
		return slight
	}
	return everyday
}

// passwordTold is a word for password, at most a few words, and a value: after a
// colon anything, else something with a digit or in quotation marks.
var passwordTold = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:pass ?word|pass ?code|passwd|\bpwd\b|\bpin\b|mot de passe|kennwort|passwort|contrase(?:ñ|n)a|\bsenha\b|has(?:ł|l)o|wachtwoord|l(?:ö|o)senord|adgangskode|passord|salasana|heslo|jelsz(?:ó|o)|parol[aăeă]|lozinka|пароль|παρασ?ωδικ|κωδικ|密码|密碼|암호|비밀번호|パスワード|كلمة (?:المرور|السر))` +
		`(?:[^\n:=：]{0,40}[:=：]\s*\S{2,40}|[^\n]{0,40}?\s["'“„«][^"'”“»\n]{2,40}["'”“»]|[^\n]{0,40}?\s[^\s\d]{0,20}\d[^\s]{1,40})`)
})
