package campaigns

import (
	"math"
	"time"

	"portcullis.example/portcullis"
)

// The thresholds. A house has some hundred items a month and an attack every few weeks, so
// two items taken blindly belong together once in a few hundred pairs: 9 bits of evidence
// bring that to even odds or better. Of these 7.5 must be of what was sent; that two
// mails came on one day to one committee is no ground by itself.
const (
	coreBits = 7.5
	linkBits = 9.0

	// unseenMails are counted in addition to what the archive holds: in a store of twenty mails
	// a value seen twice is not one in ten mails of the world.
	unseenMails = 4000
	unseenItems = 50 // the same for mails with findings: the pair that is weighed is no sample of others

	restShare   = .15 // of what further infrastructure counts beside the strongest
	restMost    = 2.0
	furtherPart = .5 // the same for content, whose kinds depend less on one another
	contentMost = 12.0
	textMost    = 10.0
	structMost  = 2.5
	// largeCampaign is how many items of one hand are likely. What more items hold than that
	// is counted as commonplace among items, though no ordinary mail hold it.
	largeCampaign = 500

	toldBits   = 3.0 // that somebody vouches for a value being an attacker's
	differBits = 1.5 // against: each has infrastructure of its own and none is shared
)

// stat is what is known of a value.
type stat struct {
	seen   int    // events that hold it
	inside int    // items that hold it
	names  int    // names that write under it or with it, as far as counted
	one    bool   // an address: whoever else uses it is the same hand
	listed string // the warninglist that holds it
	told   bool   // somebody told us that it is an attacker's
}

// effective is the number of unrelated mails that the value stands for. Ordinary mail that
// holds it counts double, for there will be more; mail with findings a fifth, for that may be
// the campaign. What we were told to be an attacker's was an attacker's in all of it.
func (s stat) effective(r *role) float64 {
	outside := float64(max(0, s.seen-s.inside))
	if s.told {
		return 1 + .2*(outside+float64(s.inside))
	}
	f := 1 + 2*outside + .2*float64(s.inside)
	if s.one && s.names > 6 {
		f += 4 * float64(s.names-6)
	}
	return f
}

// common is how likely it is that the value belongs to nobody in particular. Two things
// show it: ordinary mail that holds it, where a service may be behind it, and many names, where each
// would have one. A single stray mail or second name shows nothing: it may be one that no rule found, or another
// face of the same hand; hence the squares.
func (s stat) common(r *role) float64 {
	if s.one || s.told {
		return 0
	}
	sign := 0.0
	if r.service {
		outside := float64(max(0, s.seen-s.inside))
		sign += outside * outside
	}
	if r.faces {
		more := float64(max(0, s.names-1))
		sign += 2 * more * more
	}
	return sign / (sign + float64(s.inside) + 4)
}

// sharedText is a text that several items have, up to what was filled in.
type sharedText struct {
	items, names, outside int
	letter                bool // a ready-made letter that many people sign
}

func (t *sharedText) effective() float64 {
	return 1 + 2*float64(t.outside) + .2*float64(t.items) + 2*float64(max(0, t.names-4))
}

// weigher weighs items with frequencies of one moment.
type weigher struct {
	total  int            // events in the archive
	stats  map[int64]stat // of values that more than one item holds
	groups map[string]int // items whose people are in a group
	items  int
}

func (w *weigher) mails() float64 { return float64(w.total + unseenMails) }

// bits is what sharing a value counts.
func (w *weigher) bits(s stat, r *role) float64 {
	if s.listed != "" && !s.told {
		return 0
	}
	f := s.effective(r)
	if outside := s.seen - s.inside; outside >= 4 && !s.told {
		// A small archive is no reason to take for rare what a hundredth of it holds.
		f = max(f, .5*float64(outside)*w.mails()/float64(max(1, w.total)))
	}
	// What belongs to nobody is held by unrelated mails as often as it is held at all: among mails
	// with findings, or among all. The pair itself is no sample.
	if common := s.common(r); common > 0 {
		among := float64(max(0, s.inside-1)) / float64(max(s.inside, w.items)+unseenItems)
		rate := max(among, float64(s.seen)/w.mails())
		f = max(f, (1-common)*f+common*rate*w.mails())
	}
	if surplus := s.inside - largeCampaign; surplus > 0 && !s.told {
		f = max(f, float64(surplus)*w.mails()/float64(max(s.inside, w.items)))
	}
	bits := math.Log2(r.again * w.mails() / f)
	if s.told {
		bits += toldBits
	}
	return max(0, min(r.most, bits))
}

// weight is what two items come to.
type weight struct {
	infra, content, against, circumstance float64
	barred                                bool // no evidence counts: a letter of many, or nothing that could attack
}

func (v weight) core() float64  { return v.infra + v.content - v.against }
func (v weight) total() float64 { return v.core() + v.circumstance }
func (v weight) linked() bool {
	return !v.barred && v.core() >= coreBits && v.total() >= linkBits
}

// weigh weighs two items. What is found is told to note, unless that is nil.
func (w *weigher) weigh(a, b *profile, note func(Reason)) weight {
	v := w.values(a, b, note)
	w.text(a, b, &v, note)
	if v.infra < 3 && a.owner && b.owner {
		v.against = differBits
		if note != nil {
			note(Reason{Kind: ReasonAgainst, Bits: -differBits, Text: "each has infrastructure of its own, and none is shared"})
		}
	}
	if v.infra < 3 && !(a.vector && b.vector) {
		v.barred = true
	}
	v.barred = v.barred || a.same != nil && a.same.letter || b.same != nil && b.same.letter
	v.circumstance = max(-2.5, min(3, w.timing(a, b, note)+w.targets(a, b, note)))
	return v
}

// sums adds up one kind of evidence, the strongest in full.
type sums struct{ strongest, rest float64 }

func (s *sums) add(bits float64) {
	if bits > s.strongest {
		s.strongest, bits = bits, s.strongest
	}
	s.rest += bits
}

func (w *weigher) values(a, b *profile, note func(Reason)) (v weight) {
	var infra, content sums
	for i, j := 0, 0; i < len(a.feats) && j < len(b.feats); {
		switch x, y := &a.feats[i], &b.feats[j]; {
		case x.key < y.key:
			i++
		case x.key > y.key:
			j++
		default:
			i, j = i+1, j+1
			bits, r, s := w.shared(x, y)
			if bits < .5 {
				continue
			}
			if r.content {
				content.add(bits)
			} else {
				infra.add(bits)
			}
			if note != nil {
				note(w.valueReason(x.obs, r, s, bits))
			}
		}
	}
	w.structure(a, b, &content, note)
	v.infra = infra.strongest + min(restMost, restShare*infra.rest)
	v.content = min(contentMost, content.strongest+furtherPart*content.rest)
	return v
}

// shared weighs a value that two items hold, in the less telling of its two roles.
func (w *weigher) shared(x, y *feat) (float64, *role, stat) {
	r := x.role
	if y.role.most < r.most {
		r = y.role
	}
	s, ok := w.stats[x.key]
	if !ok {
		s = stat{seen: 2, inside: 2}
	}
	return w.bits(s, r), r, s
}

func (w *weigher) structure(a, b *profile, content *sums, note func(Reason)) {
	like := alike(a.structure, b.structure)
	if like < .8 {
		return
	}
	key, _ := structureKey(a.structure)
	bits := (like - .6) / .4 * max(0, min(structMost, math.Log2(.3*w.mails()/w.stats[key].effective(&otherRole))))
	if bits < .5 {
		return
	}
	content.add(bits)
	if note != nil {
		note(Reason{Kind: ReasonContent, Bits: bits, Text: "built " + percent(like) + " alike"})
	}
}

// text adds what the bodies say to the content. It is added apart, for a body in
// common is a fact of its own beside subject and shape.
func (w *weigher) text(a, b *profile, v *weight, note func(Reason)) {
	like := alike(a.text, b.text)
	words := min(a.words, b.words)
	if like < .45 || words < 20 {
		return
	}
	f := 1.4
	for _, t := range []*sharedText{a.same, b.same} {
		if t != nil {
			f = max(f, t.effective())
		}
	}
	scale := min(1, (like-.4)/.4) * min(1, float64(words)/40)
	bits := scale * max(0, min(textMost, math.Log2(.6*w.mails()/f)))
	if bits < .5 {
		return
	}
	v.content = min(contentMost, max(bits, v.content)+furtherPart*min(bits, v.content))
	if note != nil {
		note(textReason(like, bits, a, b))
	}
}

// timing: mails of one wave come within days. Beyond a month distance speaks slowly
// against, but campaigns of years exist.
func (w *weigher) timing(a, b *profile, note func(Reason)) float64 {
	if a.time <= unknownTime || b.time <= unknownTime {
		return 0
	}
	days := math.Abs(float64(a.time-b.time)) / float64(24*time.Hour/time.Microsecond)
	bits := max(-2, 2-.6*math.Log2(1+days))
	if note != nil {
		note(timeReason(days, bits))
	}
	return bits
}

// targets: by how few items are for people of the group that both were for. Nobody
// is hunted by one hand alone, so that the same person was hit says little.
func (w *weigher) targets(a, b *profile, note func(Reason)) float64 {
	best, group := 0.0, ""
	for _, g := range common(a.groups, b.groups) {
		share := float64(w.groups[g]+1) / float64(w.items+10)
		if bits := min(2.5, math.Log2(.6/share)); bits > best {
			best, group = bits, g
		}
	}
	if best == 0 && len(common(a.people, b.people)) > 0 {
		best = .5
	}
	if note != nil && best > 0 {
		note(w.targetReason(a, b, group, best))
	}
	if best == 0 && len(a.groups) > 0 && len(b.groups) > 0 {
		return -.3
	}
	return best
}

// common is what two sorted lists share.
func common[T string | portcullis.ID](a, b []T) (both []T) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both = append(both, a[i])
			i, j = i+1, j+1
		}
	}
	return both
}
