package mail

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/authn"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
)

// What several rules need to know of a message's circumstances, computed once
// and kept in Input.

// circumstances are computed when first asked for.
type circumstances struct {
	named, local    []people.NameMatch
	namedDone       bool
	localDone       bool
	domains         []people.DomainMatch
	domainsDone     bool
	written         writing
	writtenDone     bool
	aligned, judged bool
	alignedDone     bool
}

// Authenticated tells whether the author's domain stands behind the message in
// the sense of DMARC (RFC 9989 §4.4: SPF or DKIM passed for a domain aligned
// with the author's), and whether that is known at all: from results of a
// trusted server first, which saw the message arrive, then from our own
// evaluation.
func (in *Input) Authenticated() (pass, known bool) {
	if !in.around.alignedDone {
		in.around.aligned, in.around.judged = in.authenticated()
		in.around.alignedDone = true
	}
	return in.around.aligned, in.around.judged
}

func (in *Input) authenticated() (pass, known bool) {
	for _, r := range in.F.Trusted {
		if r.Instance != 0 || r.Method != "dmarc" || !in.sameOrg(r.Domain()) {
			continue
		}
		switch r.Result {
		case authn.Pass:
			return true, true
		case authn.Fail:
			return false, true
		}
		break // the topmost is the latest
	}
	for _, r := range in.F.Trusted {
		if r.Instance == 0 && (r.Method == "dkim" || r.Method == "spf") && r.Result == authn.Pass && r.Domain() != "" && in.sameOrg(r.Domain()) {
			return true, true
		}
	}
	switch in.F.Authn.DMARC.Result {
	case authn.Pass:
		return true, true
	case authn.Fail:
		return false, true
	}
	return false, false
}

// sameOrg tells whether a domain is of the author's organisation; one that is
// not stated counts.
func (in *Input) sameOrg(domain string) bool {
	if domain == "" {
		return true
	}
	canon, err := observable.Domain(domain)
	return err == nil && observable.OrgDomain(canon) == in.SenderOrg
}

// Unaligned tells that the author's domain cannot have authenticated, whatever
// its DNS says: the envelope sender is of another organisation and no signature
// is by the author's. It rests on the Return-Path, so it is worth what the
// server that wrote it is worth, and a mailing list causes it as well.
func (in *Input) Unaligned() bool {
	if _, known := in.Authenticated(); known || in.SenderDomain == "" {
		return false
	}
	if in.F.Authn.SPF.Aligned != authn.AlignedNo || in.F.Authn.SPF.Identity == "helo" {
		return false
	}
	for _, d := range in.F.Authn.DKIM {
		if d.Aligned != authn.AlignedNo {
			return false
		}
	}
	return true
}

// NamedIn are the protected people and organisations that the first author's
// display name resembles.
func (in *Input) NamedIn() []people.NameMatch {
	if !in.around.namedDone {
		in.around.namedDone = true
		if name := in.Sender.Name; name != "" {
			in.around.named = in.People.MatchName(name)
		}
	}
	return in.around.named
}

// NamedInLocal are those whose name stands in the local part of the address.
func (in *Input) NamedInLocal() []people.NameMatch {
	if !in.around.localDone {
		in.around.localDone = true
		if in.Sender.Local != "" && in.SenderDomain != "" {
			in.around.local = in.People.MatchLocal(in.Sender.Local)
		}
	}
	return in.around.local
}

// SenderLike are the organisations whose domain the sender's is, belongs to or
// resembles.
func (in *Input) SenderLike() []people.DomainMatch {
	if !in.around.domainsDone {
		in.around.domainsDone = true
		if in.SenderDomain != "" {
			in.around.domains = in.People.MatchDomain(in.SenderDomain)
		}
	}
	return in.around.domains
}

// List tells that the message came through a mailing list, by the fields lists
// write (RFC 2919, RFC 2369, and what older list programs use). Anybody can write them, so they only ever weaken
// what is weak already.
func (in *Input) List() bool {
	h := in.M.Header
	for _, name := range []string{"List-Id", "List-Post", "X-Mailing-List", "Mailing-List", "X-BeenThere"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return strings.EqualFold(strings.TrimSpace(h.Get("Precedence")), "list")
}

// Stranger tells that the archive has never seen the sender's address or domain.
func (in *Input) Stranger() bool {
	h := in.F.History
	return h.Known && h.SenderMails == 0 && h.DomainMails == 0 && h.Replied == 0
}

// Correspondent tells that the sender is known to these recipients for long:
// they wrote to that address themselves, or had mail from it on many occasions.
func (in *Input) Correspondent() bool {
	h := in.F.History
	long := !h.SenderFirst.IsZero() && in.F.Time.Sub(h.SenderFirst).Hours() > 60*24
	return h.Known && (h.Replied > 0 || h.SenderMails >= 6 && long)
}

// writing is the message's own words, apart from what it quotes.
type writing struct {
	text      string // lower case: subject and what the sender wrote
	signature string // lower case: the last short lines
	quoted    bool   // earlier mail is quoted
}

const maxWriting = 24 << 10

// Writing splits the visible text into what is new, the signature below it and
// whether older mail is quoted.
func (in *Input) Writing() *writing {
	if !in.around.writtenDone {
		in.around.writtenDone = true
		in.around.written = newWriting(in.Subject, in.Body)
	}
	return &in.around.written
}

func newWriting(subject, body string) writing {
	var w writing
	if len(body) > maxWriting {
		body = body[:maxWriting/2] + "\n" + body[len(body)-maxWriting/2:]
	}
	var own []string
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, ">") || attribution(line) {
			w.quoted = true
			if !strings.HasPrefix(line, ">") {
				break
			}
			continue
		}
		if line != "" {
			own = append(own, strings.ToLower(line))
		}
	}
	w.signature = strings.Join(own[signatureStart(own):], "\n")
	w.text = strings.ToLower(subject) + "\n" + strings.Join(own, "\n")
	return w
}

// attribution tells the line that mail programs write above quoted mail.
func attribution(line string) bool {
	if len(line) > 200 || len(line) < 8 {
		return false
	}
	if strings.HasPrefix(line, "-----") && strings.HasSuffix(line, "-----") {
		return true
	}
	if !strings.HasSuffix(line, ":") {
		return false
	}
	low := strings.ToLower(line)
	for _, word := range []string{" wrote", "schrieb", " a écrit", "escribió", "ha scritto", "napisał", "schreef", "пише", "пишет", "写道"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return false
}

// signatureStart finds the short lines at the end: names, offices, numbers. The
// last eight at most; a sentence ends them.
func signatureStart(lines []string) int {
	i := len(lines)
	for i > 0 && len(lines)-i < 8 && utf8.RuneCountInString(lines[i-1]) <= 60 && len(strings.Fields(lines[i-1])) <= 9 &&
		!strings.HasSuffix(lines[i-1], ".") && !strings.HasSuffix(lines[i-1], "?") {
		i--
	}
	return i
}

// says returns the first of the phrases that stands in text. A phrase begins at
// a word's beginning, as far as that shows; it may end within a word, so that a stem finds its
// inflections.
func says(text string, phrases []string) string {
	for _, phrase := range phrases {
		for from := 0; ; {
			i := strings.Index(text[from:], phrase)
			if i < 0 {
				break
			}
			at := from + i
			if beginsWord(text[:at], phrase) {
				return phrase
			}
			from = at + len(phrase)
		}
	}
	return ""
}

// beginsWord tells whether a phrase begins a word behind what stands before it. Scripts without spaces show
// no beginnings. Arabic and Hebrew write articles, prepositions and conjunctions into the word (wa-, bi-, al-;
// ve-, be-, ha-), Korean nouns before a noun; but what two syllables end there is mostly another
// word (급하 in 지급하다, to pay).
func beginsWord(before, phrase string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	if before == "" || !unicode.IsLetter(last) && !unicode.IsDigit(last) {
		return true
	}
	first, _ := utf8.DecodeRuneInString(phrase)
	switch {
	case first < 0x590:
		return false
	case unicode.Is(unicode.Hebrew, first):
		return onlyLeans(before, "ומשהכלב")
	case unicode.Is(unicode.Arabic, first):
		return onlyLeans(before, "وفبكلاس")
	case unicode.Is(unicode.Hangul, first):
		return utf8.RuneCountInString(phrase) > 2
	}
	return unicode.In(first, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// onlyLeans tells whether a word has begun with nothing but a few of these letters, each of which is
// an article, a preposition or a conjunction.
func onlyLeans(before, letters string) bool {
	for range 5 {
		r, n := utf8.DecodeLastRuneInString(before)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return true
		}
		if !strings.ContainsRune(letters, r) {
			return false
		}
		before = before[:len(before)-n]
	}
	return false
}

// saysAny is says for several lists.
func saysAny(text string, lists ...[]string) string {
	for _, list := range lists {
		if phrase := says(text, list); phrase != "" {
			return phrase
		}
	}
	return ""
}

// saysWhole is says for phrases that end at a word's end.
func saysWhole(text, phrase string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], phrase)
		if i < 0 {
			return false
		}
		at, end := from+i, from+i+len(phrase)
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (at == 0 || !unicode.IsLetter(before)) && (end == len(text) || !unicode.IsLetter(after)) {
			return true
		}
		from = end
	}
}

// scale weighs evidence for and against in tenths of log-odds, as the
// comparison of copies does, and remembers what was weighed.
type scale struct {
	tenths  int
	reasons []reason
}

type reason struct {
	tenths int
	text   string
}

func (s *scale) weigh(tenths int, text string) {
	s.tenths += tenths
	s.reasons = append(s.reasons, reason{tenths, text})
}

// because lists the strongest reasons for, then those against, in plain words.
func (s *scale) because() string {
	list := slices.Clone(s.reasons)
	slices.SortStableFunc(list, func(a, b reason) int { return b.tenths - a.tenths })
	var parts []string
	against := ""
	for _, r := range list {
		switch {
		case r.text == "":
		case r.tenths > 0 && len(parts) < 5:
			parts = append(parts, r.text)
		case r.tenths < 0 && against == "":
			against = r.text
		}
	}
	out := strings.Join(parts, "; ")
	if against != "" {
		out += "; but " + against
	}
	return strings.TrimPrefix(out, "; ")
}

// confidence is the probability that the weight stands for, in percent, with
// prior doubt taken off: most mail that looks odd is only odd.
func (s *scale) confidence() portcullis.Confidence {
	p := 100 / (1 + math.Exp(-float64(s.tenths-doubt)/10))
	return portcullis.Confidence(min(95, max(5, math.Round(p))))
}

// Thresholds in tenths of log-odds: evidence worth a person's look is twenty to
// one, serious evidence two hundred to one.
const (
	doubt      = 15
	worthALook = 30
	serious    = 53
)

// grade turns the weight into a statement's severity, points and attention.
func (s *scale) grade(st *Statement) {
	st.Attention, st.Confidence = portcullis.Targeted, s.confidence()
	switch {
	case s.tenths >= serious:
		st.Severity, st.Points = portcullis.High, 80
	case s.tenths >= worthALook:
		st.Severity, st.Points = portcullis.Medium, 60
	default:
		st.Severity, st.Points = portcullis.Informational, min(15, max(0, s.tenths/2))
	}
}

// historyUnknown names what a missing archive leaves open.
func (in *Input) historyUnknown() []string {
	var list []string
	if !in.F.History.Known {
		list = append(list, "whether the sender has written here before")
	}
	if _, known := in.Authenticated(); !known && in.SenderDomain != "" {
		list = append(list, fmt.Sprintf("whether %s stands behind the message: no trusted result and no DNS", in.SenderDomain))
	}
	return list
}

// linkedTo tells how many links lead to one of the domains, or below it, and how
// many lead anywhere.
func (in *Input) linkedTo(domains []string) (to, all int) {
	for _, l := range in.Links {
		if l.Domain == "" {
			continue
		}
		all++
		if under(l.Domain, domains) {
			to++
		}
	}
	return to, all
}

// under tells whether host is one of the domains or below one.
func under(host string, domains []string) bool {
	for _, d := range domains {
		if d, err := observable.Domain(d); err == nil && (host == d || strings.HasSuffix(host, "."+d)) {
			return true
		}
	}
	return false
}
