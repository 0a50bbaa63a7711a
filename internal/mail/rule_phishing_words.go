package mail

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed rule_phishing_words.txt
var roleText string

// role is the part a phrase plays in a fraud: who is addressed, what is claimed,
// why it hurries, what is to be done.
type role uint8

const (
	roleAccount role = iota
	roleUrgent
	roleClick
	rolePrize
	roleParcel
	roleFee
	roleFortune
	roleExtortion
	roleCrypto
	roleJunk
	roleCallback
	roleGreeting
	roles
)

var roleNames = [roles]string{"account", "urgent", "click", "prize", "parcel", "fee", "fortune", "extortion", "crypto", "junk", "callback", "greeting"}

// phraseTable finds phrases of up to maxPhrase words. Prefixes are marked, so
// that a text is read on only where a phrase may go on.
type phraseTable struct {
	whole    map[uint64]role
	brands   map[uint64]int16 // a name may stand in a list of words as well
	prefixes map[uint64]bool
	seen     [1 << 12]uint64 // first words
}

const maxPhrase = 6

var phrases = sync.OnceValue(func() *phraseTable {
	t := &phraseTable{whole: map[uint64]role{}, brands: map[uint64]int16{}, prefixes: map[uint64]bool{}}
	for line := range strings.Lines(roleText) {
		head, list, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(head, " ")
		for r, known := range roleNames {
			if known != name {
				continue
			}
			for text := range strings.SplitSeq(list, ";") {
				if h := t.prepare(text); h != 0 {
					if _, taken := t.whole[h]; !taken {
						t.whole[h] = role(r)
					}
				}
			}
		}
	}
	for i, b := range brands() {
		for _, name := range b.names {
			if h := t.prepare(name); h != 0 {
				if _, taken := t.brands[h]; !taken {
					t.brands[h] = int16(i)
				}
			}
		}
	}
	return t
})

// prepare marks the beginnings of a phrase and returns its hash, 0 if it has no
// words or too many.
func (t *phraseTable) prepare(text string) (h uint64) {
	var scan wordScan
	scan.read(text, false)
	if len(scan.words) == 0 || len(scan.words) > maxPhrase {
		return 0
	}
	for i, w := range scan.words {
		if i == 0 {
			h = w.hash
			slot := h >> 46 // 18 bits
			t.seen[slot>>6] |= 1 << (slot & 63)
		} else {
			h = joined(h, w.hash)
		}
		if i < len(scan.words)-1 {
			t.prefixes[h] = true
		}
	}
	return h
}

// spoken is what a message says: the phrases found, by role.
type spoken struct {
	wordScan
	subjectWords int
	count        [roles]int // distinct phrases in all
	subject      [roles]int // of these in the subject
	first        [roles]span
	brands       map[int16]mention
	hits         map[uint64]bool
}

type span struct {
	start, end int32
	subject    bool
}

type mention struct {
	times   int
	subject bool
	at      span
}

// speech reads the words of a message once; both the phishing rules and the
// text model work on it.
func (in *Input) speech() *spoken {
	if in.said != nil {
		return in.said
	}
	s := &spoken{brands: map[int16]mention{}, hits: map[uint64]bool{}}
	s.words = make([]word, 0, min(maxWords, 16+(len(in.Subject)+len(in.Body))/5))
	s.read(in.Subject, true)
	s.subjectWords = len(s.words)
	s.read(in.Body, false)
	s.find(phrases())
	in.said = s
	return s
}

func (s *spoken) find(t *phraseTable) {
	for i := range s.words {
		h := s.words[i].hash
		slot := h >> 46
		if t.seen[slot>>6]&(1<<(slot&63)) == 0 {
			continue
		}
		for n := 1; ; n++ {
			at := span{s.words[i].start, s.words[i+n-1].end, s.words[i].subject}
			if r, ok := t.whole[h]; ok {
				s.note(r, h, at)
			}
			if b, ok := t.brands[h]; ok {
				s.mention(b, at)
			}
			if n == maxPhrase || i+n >= len(s.words) || s.words[i+n].subject != s.words[i].subject || !t.prefixes[h] {
				break
			}
			h = joined(h, s.words[i+n].hash)
		}
	}
}

func (s *spoken) mention(b int16, at span) {
	m, ok := s.brands[b]
	if !ok {
		m.at = at
	}
	m.times++
	m.subject = m.subject || at.subject
	s.brands[b] = m
}

func (s *spoken) note(r role, h uint64, at span) {
	if s.hits[h] {
		return
	}
	s.hits[h] = true
	if s.count[r] == 0 {
		s.first[r] = at
	}
	s.count[r]++
	if at.subject {
		s.subject[r]++
	}
}
