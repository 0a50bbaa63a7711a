package synth

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// generators are all of them, with sizes that keep the tests quick.
var generators = map[string]func(seed uint64, h *House) []Mail{
	"impersonation":  func(s uint64, h *House) []Mail { return Impersonation(s, h, 8) },
	"reconnaissance": func(s uint64, h *House) []Mail { return Reconnaissance(s, h, 12) },
	"credential":     func(s uint64, h *House) []Mail { return Credential(s, h, 6) },
	"lure":           func(s uint64, h *House) []Mail { return Lure(s, h, 10) },
	"hijack":         func(s uint64, h *House) []Mail { return Hijack(s, h, 6) },
	"attachments":    func(s uint64, h *House) []Mail { return Attachments(s, h, 3) },
	"register":       func(s uint64, h *House) []Mail { return RegisterCopies(s, h, 2) },
	"everyday":       func(s uint64, h *House) []Mail { return Everyday(s, h, 300) },
	"letters":        func(s uint64, h *House) []Mail { return Letters(s, h, 40) },
}

func TestSameSeedSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for name, generate := range generators {
		a, b := generate(4, NewHouse(4, 60)), generate(4, NewHouse(4, 60))
		if len(a) == 0 || len(a) != len(b) {
			t.Fatalf("%s: %d and %d mails", name, len(a), len(b))
		}
		for i := range a {
			if a[i].Path != b[i].Path || !bytes.Equal(a[i].Raw, b[i].Raw) {
				t.Errorf("%s: message %d differs between two runs", name, i)
			}
		}
	}
	for name, write := range map[string]func() string{
		"directory": func() string { return Directory(4, 50) },
		"house":     func() string { return NewHouse(4, 60).PeopleTOML() },
	} {
		if first, second := write(), write(); first != second {
			t.Errorf("the people.toml of the %s differs between two runs", name)
		}
	}
}

func TestEveryClassIsThere(t *testing.T) {
	h := NewHouse(7, 60)
	want := map[string][]string{
		"impersonation": ImpersonationClasses(), "credential": CredentialClasses(), "lure": LureClasses(), "hijack": HijackClasses(),
		"attachments": AttachmentClasses(), "register": RegisterClasses(),
		"reconnaissance": {"reconnaissance", "reconnaissance/grooming", "control/newsletter", "control/small-newsletter", "control/conference", "control/survey"},
		"everyday":       {"colleague", "constituent", "namesake", "thread", "calendar", "newsletter", "list", "receipt", "press", "shop", "reset", "notification", "bounce", "staff", "private", "behalf", "via-service"},
	}
	for name, classes := range want {
		seen := map[string]bool{}
		for _, m := range generators[name](7, h) {
			seen[m.Truth.Class] = true
		}
		for _, c := range classes {
			if !seen[c] {
				t.Errorf("%s: no message of class %s", name, c)
			}
		}
	}
}

// Every message parses with the standard library, has what a message must
// have, and every part of it decodes.
func TestMessagesParse(t *testing.T) {
	for name, generate := range generators {
		for _, seed := range []uint64{4, 5} {
			for _, m := range generate(seed, NewHouse(seed, 60)) {
				msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
				if err != nil {
					t.Fatalf("%s seed %d %s: %v\n%s", name, seed, m.Path, err, m.Raw)
				}
				checkHeader(t, m, msg.Header)
				if _, err := decoded(msg.Header, msg.Body); err != nil {
					t.Errorf("%s seed %d %s (%s): %v", name, seed, m.Path, m.Truth.Class, err)
				}
			}
		}
	}
}

func checkHeader(t *testing.T, m Mail, head mail.Header) {
	t.Helper()
	for _, field := range []string{"From", "To"} {
		if _, err := head.AddressList(field); err != nil {
			t.Errorf("%s (%s): %s: %v: %q", m.Path, m.Truth.Class, field, err, head.Get(field))
		}
	}
	if _, err := head.Date(); err != nil {
		t.Errorf("%s: %v", m.Path, err)
	}
	if len(m.Truth.Targets) == 0 || head.Get("Delivered-To") != m.Truth.Targets[0] {
		t.Errorf("%s: delivered to %q, targets %q", m.Path, head.Get("Delivered-To"), m.Truth.Targets)
	}
	if i := bytes.IndexByte(bytes.ReplaceAll(m.Raw, []byte("\r\n"), nil), '\n'); i >= 0 {
		t.Errorf("%s (%s): a bare line feed", m.Path, m.Truth.Class)
	}
	if strings.Contains(string(m.Raw[:bytes.Index(m.Raw, []byte("\r\n\r\n"))]), "{") {
		t.Errorf("%s (%s): a slot was left open in the header:\n%s", m.Path, m.Truth.Class, m.Raw)
	}
}

type header interface{ Get(string) string }

// decoded gives the content of all parts, unpacked.
func decoded(head header, body io.Reader) (string, error) {
	mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(head.Get("Content-Type")))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		var all strings.Builder
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return all.String(), nil
			}
			if err != nil {
				return "", err
			}
			text, err := decoded(p.Header, p)
			if err != nil {
				return "", err
			}
			all.WriteString(text + "\n")
		}
	}
	switch head.Get("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err == nil && bytes.HasPrefix(content, []byte("PK")) {
		return unzipped(content)
	}
	return string(content), err
}

func unzipped(content []byte) (string, error) {
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, f := range r.File {
		if f.Flags&1 == 1 {
			continue
		}
		c, err := f.Open()
		if err != nil {
			return "", err
		}
		data, err := io.ReadAll(c)
		if err != nil {
			return "", err
		}
		all.Write(data)
	}
	return all.String(), nil
}

var (
	hostInText = regexp.MustCompile(`(?i)(?:https?(?::|%3a|-3a)(?://|%2f%2f|__)(?:[^/@\s"'<>]*@)?|@)([\pL\pN-]+(?:\.[\pL\pN-]+)+)`)
	bareHost   = regexp.MustCompile(`(?i)\b[a-z0-9-]+\.(?:com|org|net|eu|de|fr|uk|info|io|co|gov|int|edu|ru|cn|us)\b`)
	openSlot   = regexp.MustCompile(`\{[a-z]+\}`)
)

// foreignHosts may appear: they are what real wrappers and schemas are known by.
var foreignHosts = []string{
	"safelinks.protection.outlook.com", "urldefense.com", "urldefense.proofpoint.com", "linkprotect.cudasvc.com", "protect-eu.mimecast.com",
	"schemas.openxmlformats.org", "schemas.microsoft.com", "www.w3.org",
}

func reserved(host string) bool {
	host = strings.ToLower(host)
	for _, tld := range reservedTLDs {
		if strings.HasSuffix(host, "."+tld) {
			return true
		}
	}
	return slices.ContainsFunc(foreignHosts, func(h string) bool { return strings.HasSuffix(host, h) }) || regexp.MustCompile(`^[\d.]+$`).MatchString(host)
}

func TestOnlyReservedNames(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for name, generate := range generators {
		for _, seed := range []uint64{2, 3} {
			for _, m := range generate(seed, NewHouse(seed, 60)) {
				checkHosts(t, name+" "+m.Truth.Class, m)
			}
		}
	}
	for _, found := range hostInText.FindAllStringSubmatch(NewHouse(2, 60).PeopleTOML()+Directory(3, 500), -1) {
		if !reserved(found[1]) {
			t.Errorf("people.toml: %s is not reserved", found[1])
		}
	}
}

func checkHosts(t *testing.T, what string, m Mail) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := decoded(msg.Header, msg.Body)
	if err != nil {
		t.Fatal(err)
	}
	if slot := openSlot.FindString(text); slot != "" {
		t.Errorf("%s: open slot %s", what, slot)
	}
	head, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
	hosts := bareHost.FindAllString(head, -1)
	for _, found := range hostInText.FindAllStringSubmatch(head+"\n"+text, -1) {
		hosts = append(hosts, found[1])
	}
	for _, host := range hosts {
		if !reserved(host) && !strings.HasSuffix(host, ".gif") {
			t.Errorf("%s: %s is not a reserved name", what, host)
		}
	}
}

// Even and odd seeds must not share a template: what is tuned on the one half
// is reported on the other.
func TestHalvesAreDisjoint(t *testing.T) {
	files, err := fs.Glob(texts, "text/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		bodies := map[string]int{}
		for _, tpl := range readTemplates(name) {
			halves := pool(readTemplates(name), tpl.lang, tpl.kind)
			half := slices.Index(halves, tpl) % 2
			key := tpl.subject + "|" + tpl.body
			if before, ok := bodies[key]; ok && before != half {
				t.Errorf("%s: the same template in both halves: %q", name, tpl.subject)
			}
			bodies[key] = half
		}
	}
	for half := range 2 {
		for range 500 {
			d := newDraw(uint64(half), "test")
			if i := own(d, []int{0, 1, 2, 3, 4, 5, 6}); i%2 != half {
				t.Fatalf("half %d drew entry %d", half, i)
			}
		}
	}
	families := map[string]int{}
	for _, tpl := range readTemplates("requests") {
		families[map[string]string{"en": "germanic", "de": "germanic", "nl": "germanic", "fr": "romance", "es": "romance", "it": "romance", "pl": "slavic", "uk": "slavic", "zh": "han"}[tpl.lang]]++
	}
	for family, n := range families {
		if n < 15 {
			t.Errorf("only %d templates in the %s languages", n, family)
		}
	}
}

// Attack subjects of an even and an odd seed have nothing in common.
func TestHalvesShareNoSubject(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	subjects := func(seed uint64) map[string]bool {
		out := map[string]bool{}
		for _, tpl := range []string{"requests", "poses", "credential", "lures", "attachments", "notices"} {
			d := newDraw(seed, "subjects")
			for range 400 {
				for _, lang := range strings.Fields(topicLanguages) {
					out[own(d, pool(readTemplates(tpl), lang, "")).subject] = true
				}
			}
		}
		return out
	}
	even, odd := subjects(2), subjects(3)
	for s := range even {
		if odd[s] {
			t.Errorf("subject %q is drawn by both halves", s)
		}
	}
}

func TestWriteMboxQuotesFromLines(t *testing.T) {
	m := Mail{Raw: []byte("Return-Path: <a@b.example>\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n"), Time: epoch}
	var b bytes.Buffer
	if err := WriteMbox(&b, []Mail{m, m}); err != nil {
		t.Fatal(err)
	}
	one := "From a@b.example Mon Jan  8 00:00:00 2024\nReturn-Path: <a@b.example>\nSubject: x\n\n>From here\n>>From there\n\n"
	if b.String() != one+one {
		t.Errorf("got\n%q\nwant\n%q", b.String(), one+one)
	}
}

func TestWriteTree(t *testing.T) {
	dir := t.TempDir()
	h := NewHouse(2, 40)
	mails := Everyday(2, h, 20)
	if err := WriteTree(dir, mails); err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(m.Path)))
		if err != nil || !bytes.Equal(got, m.Raw) {
			t.Errorf("%s: %v", m.Path, err)
		}
	}
}

func TestPunycode(t *testing.T) {
	for in, want := range map[string]string{ // RFC 3492 §7.1 (A), and commonplace ones
		"bücher.example": "xn--bcher-kva.example", "münchen-ost.example": "xn--mnchen-ost-9db.example",
		"他们为什么不说中文.test": "xn--ihqwcrb4cv8a8dqg056pqjye.test", "plain.example": "plain.example",
	} {
		if got := toASCII(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func BenchmarkEveryday(b *testing.B) {
	h := NewHouse(2, 60)
	for b.Loop() {
		Everyday(2, h, 200)
	}
}
