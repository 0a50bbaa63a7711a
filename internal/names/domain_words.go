package names

import "strings"

// bait are the words that attackers set beside a name in a domain, and that its
// owner might have used as well.
var bait = wordSet(`account accounts admin alert alerts api app apps auth authentication bank billing center centre chat check client cloud com connect contact
customer customers data desk digital doc docs document documents download drive email emails eu exchange feedback file files forms global gov gouv group help helpdesk
home hq id identity inbox info information inquiry int international intl internal intranet invoice it live login logins logon mail mailbox mails manage media meet
member members message messages mfa mobile my net network news newsletter newsroom notice notification notifications now office official online org page
pass password pay payment payments platform policy portal post press private public register registration remote report reports research reset
safe secure secured security server service services session share sharepoint shop sign signin site sms sso staff status storage store support system systems
team teams tech ticket tickets trust uk update updates us user users vault verification verify video voice vote voter vpn web webmail website world www zone
anmeldung konto sicherheit dienst hilfe presse nachrichten post amt buero dokumente connexion compte securite actualites acces cuenta acceso seguro noticias
conta acesso notizie accesso poczta logowanie konto vhod pochta novosti`)

// addedWord finds a protected label among the words of the label (parliament-login),
// as it is or in its shape, or glued to a word that serves as bait (parliamentlogin).
func (s *subject) addedWord() {
	s.spans(s.label, func(span string, whole bool) {
		if whole {
			return
		}
		note := func(id int32, e *protected) {
			s.notePart(id, e, without(s.label, span), s.label, 0.82, DomainAddedWord)
		}
		s.each(kindLabel, span, note)
		if strings.IndexByte(span, '-') > 0 {
			s.each(kindLabel, strings.ReplaceAll(span, "-", ""), note)
		}
	})
	shaped := shape(s.label)
	s.spans(shaped, func(span string, whole bool) {
		if whole || len(span) <= shortLabel {
			return
		}
		s.each(kindLabelShape, span, func(id int32, e *protected) {
			if len(e.label) > shortLabel {
				s.notePart(id, e, without(shaped, span), s.label, 0.82, DomainAddedWord)
			}
		})
	})
	s.glued(s.label)
}

// without is what a label holds beside one of its spans.
func without(label, span string) string {
	return strings.Trim(strings.Replace(label, span, "", 1), "-")
}

// spans yields every run of hyphenated words of a label.
func (s *subject) spans(label string, yield func(span string, whole bool)) {
	var starts [9]int
	n := 1
	for i := 0; i < len(label) && n < 8; i++ {
		if label[i] == '-' {
			starts[n] = i + 1
			n++
		}
	}
	starts[n] = len(label) + 1
	for i := range n {
		for j := i + 1; j <= n; j++ {
			if from, to := starts[i], starts[j]-1; from < to {
				yield(label[from:to], to-from == len(label))
			}
		}
	}
}

// notePart notes a protected label that is a part of another, beside rest. A label
// that is short or an ordinary word counts only beside bait.
func (s *subject) notePart(id int32, e *protected, rest, in string, score float64, class string) {
	w, baited := weight(e.label), baitOnly(rest)
	if baited {
		score += 0.08
	}
	if baited && w > 0.5 && !ordinary(e.label) {
		w = max(w, 0.75)
	}
	if !baited && len(e.label) < 6 {
		w *= 0.6
	}
	s.add(id, class, score*w, "%q holds %q", in, e.label)
}

// baitOnly holds where the rest of a label is bait or a number.
func baitOnly(rest string) bool {
	rest = strings.Trim(rest, "0123456789-")
	for word := range strings.SplitSeq(rest, "-") {
		if word != "" && !bait[word] {
			return false
		}
	}
	return true
}

// longLabel is the length from which a label glued to any word is noted, faintly.
const longLabel = 9

// glued looks for a protected label at either end of a label without a hyphen
// between.
func (s *subject) glued(label string) {
	for i := 3; i < len(label)-1; i++ {
		s.gluedPart(label, label[:i], label[i:])
		s.gluedPart(label, label[len(label)-i:], label[:len(label)-i])
	}
}

func (s *subject) gluedPart(label, name, rest string) {
	if strings.HasPrefix(rest, "-") || strings.HasSuffix(rest, "-") {
		return // a word of its own, see spans
	}
	s.each(kindLabel, name, func(id int32, e *protected) {
		switch {
		case len(rest) > 1 && baitOnly(rest) && len(name) > shortLabel:
			s.add(id, DomainAddedWord, 0.86*weight(name), "%q is %q with %q", label, name, rest)
		case len(name) >= longLabel && len(rest) > 1:
			s.add(id, DomainAddedWord, 0.56, "%q begins or ends with %q", label, name)
		}
	})
}

// tricks looks for a protected name in what stands left of the registered label,
// where an attacker writes what he likes: parliament.example.evil.example,
// parliament-example.evil.example, parliament.evil.example.
func (s *subject) tricks() {
	s.sequences()
	if s.left == "" {
		return
	}
	for label := range strings.SplitSeq(s.left, ".") {
		label = unicodeLabel(label)
		s.spans(label, func(span string, _ bool) {
			if len(span) > shortLabel+1 {
				s.each(kindLabel, span, func(id int32, e *protected) {
					if !ordinary(span) {
						s.notePart(id, e, without(label, span), label, 0.62, DomainSubdomainTrick)
					}
				})
			}
		})
	}
}

// sequences looks for a whole protected domain as words in a row, with dots or
// hyphens between, anywhere but at the end.
func (s *subject) sequences() {
	host := sequence(s.host)
	var ends [24]int
	n := 0
	for i := range len(host) {
		if host[i] == '.' && n < len(ends) {
			ends[n] = i
			n++
		}
	}
	from := 0
	for i := range n {
		for _, to := range ends[min(i+1, n):n] {
			s.each(kindSequence, host[from:to], func(id int32, e *protected) {
				class := DomainSubdomainTrick
				if from >= len(s.left) {
					class = DomainAddedWord
				}
				s.add(id, class, 0.97*max(weight(e.label), 0.85), "%q holds %s before the domain it belongs to", s.host, e.Domain)
			})
		}
		from = ends[i] + 1
	}
}
