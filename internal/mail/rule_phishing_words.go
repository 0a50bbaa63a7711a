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
	entries map[uint64]phrase
	seen    [1 << 12]uint64 // first words
}

// phrase is what is known of the words up to one. A name may stand in a list of
// words as well.
type phrase struct {
	role   role  // roles for none
	brand  int16 // -1 for none
	prefix bool  // of a longer one
}

const maxPhrase = 6

var phrases = sync.OnceValue(func() *phraseTable {
	t := &phraseTable{entries: map[uint64]phrase{}}
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
					if p := t.entries[h]; p.role == roles {
						p.role = role(r)
						t.entries[h] = p
					}
				}
			}
		}
	}
	for i, b := range brands() {
		for _, name := range b.names {
			if h := t.prepare(name); h != 0 {
				if p := t.entries[h]; p.brand < 0 {
					p.brand = int16(i)
					t.entries[h] = p
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
		p, ok := t.entries[h]
		if !ok {
			p = phrase{role: roles, brand: -1}
		}
		p.prefix = p.prefix || i < len(scan.words)-1
		t.entries[h] = p
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
			p, ok := t.entries[h]
			if !ok {
				break
			}
			if p.role != roles {
				s.note(p.role, h, at)
			}
			if p.brand >= 0 {
				s.mention(p.brand, at)
			}
			if n == maxPhrase || i+n >= len(s.words) || s.words[i+n].subject != s.words[i].subject || !p.prefix {
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
