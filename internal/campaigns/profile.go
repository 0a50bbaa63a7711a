package campaigns

import (
	"cmp"
	"hash/fnv"
	"slices"

	"portcullis.example/portcullis"
)

// Limits of one item. What is beyond is not compared; Traits and the archive tell more.
const (
	maxFeatures  = 200
	maxPeople    = 200
	maxFindings  = 50
	maxValue     = 2048
	maxSignature = 256
)

// unknownTime and all before it stands for events that tell no time.
const unknownTime = 0

// profile is an item ready to be compared: values by key, in order of key.
type profile struct {
	num             int64
	event, campaign portcullis.ID
	sensor          string
	time            int64 // µs
	feats           []feat
	text, structure []uint32
	words           int
	people          []portcullis.ID
	findings        []FindingRef
	echo            bool

	groups []string    // of its people, sorted
	same   *sharedText // the text that it shares with others; nil: with nobody
	order  uint64      // a hash of the event, for fair samples

	owner, vector bool // it has infrastructure of its author's own; something it could attack with
}

// feat is a value of an item, in the most telling of the roles that it plays there.
type feat struct {
	key  int64
	role *role
	obs  portcullis.Observable
}

// role says what sharing a value in it means.
type role struct {
	word    string
	phrase  string  // "tracker host"
	again   float64 // how likely the same hand uses the value again
	most    float64 // bits that sharing it can count, however rare
	content bool    // about what was written, not what it was sent with
	own     bool    // whoever wrote the mail chose it and controls it
	vector  bool    // the mail works by it
	alone   bool    // may bring two items together to be compared
	service bool    // it may be that of a service, as ordinary mail that holds it shows
	faces   bool    // many names under it, or with it, show that it is nobody's own
}

// roles are argued as follows. What an attacker had to set up (a host, an address) is used
// again in most of a campaign's mails. What comes from a service (signatures, relays, ids)
// others use as well, whatever its rarity here: it cannot carry a link alone. The same holds for a domain
// above differing hosts, for below some domains anybody gets a name. Names and subjects
// are chosen for the reader: two hands that imitate one minister share the name. Many names say nothing about a
// server or tracker, for one hand plays many people from it, but much about a provider of mailboxes or a kit.
var roles = []role{
	{word: RoleRemote, phrase: "tracker host", again: .6, most: 14, own: true, vector: true, alone: true},
	{word: RoleLink, phrase: "link host", again: .6, most: 14, own: true, vector: true, alone: true},
	{word: RoleForm, phrase: "host of a form", again: .6, most: 14, own: true, vector: true, alone: true},
	{word: RoleAttachment, phrase: "attachment", again: .5, most: 14, own: true, vector: true, alone: true},
	{word: RoleSender, phrase: "sender", again: .5, most: 14, own: true, alone: true, service: true, faces: true},
	{word: RoleReplyTo, phrase: "reply address", again: .5, most: 14, own: true, vector: true, alone: true, service: true, faces: true},
	{word: RoleURL, phrase: "link", again: .4, most: 14, own: true, vector: true, alone: true},
	{word: RoleEnvelope, phrase: "envelope sender", again: .4, most: 6.5, alone: true, service: true, faces: true},
	{word: RoleSignature, phrase: "signing domain", again: .4, most: 6.5, alone: true, service: true, faces: true},
	{word: RoleReceived, phrase: "sending server", again: .4, most: 6.5, alone: true, service: true},
	{word: RoleOrigin, phrase: "domain of the message id", again: .3, most: 6, alone: true, service: true, faces: true},
	{word: RoleZone, phrase: "domain above its hosts", again: .3, most: 6.5, alone: true, service: true},
	{word: RoleName, phrase: "sender's name", again: .3, most: 4, content: true, alone: true},
	{word: RoleSubject, phrase: "subject", again: .3, most: 4, content: true, alone: true},
	{word: RolePath, phrase: "shape of link", again: .3, most: 4, content: true, alone: true, faces: true},
	{word: RoleFileName, phrase: "file name", again: .3, most: 3, content: true, vector: true},
	{word: RoleTool, phrase: "mail program", again: .2, most: 2, content: true, faces: true},
}

// otherRole is any word that is not known.
var otherRole = role{word: "other", phrase: "value", again: .2, most: 3, service: true, faces: true}

func roleOf(word string) *role {
	for i := range roles {
		if roles[i].word == word {
			return &roles[i]
		}
	}
	return &otherRole
}

// rank orders roles by how much they tell.
func (r *role) rank() int {
	for i := range roles {
		if r == &roles[i] {
			return i
		}
	}
	return len(roles)
}

// keyOf is the number under which a value is looked up. It leaves out the role: the
// sender's domain of one mail may be the link host of another.
func keyOf(o portcullis.Observable) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.Type))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(o.Value))
	return int64(mix(h.Sum64()))
}

// mix spreads a hash over all its bits (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newProfile takes from an item what is compared.
func newProfile(item Item) *profile {
	p := &profile{
		event: item.Event, sensor: storable(item.Sensor), time: item.Time.UnixMicro(), words: item.Words, echo: item.Echo,
		people: limited(item.People, maxPeople), findings: limited(item.Findings, maxFindings),
		text: signature(item.Text), structure: signature(item.Structure),
	}
	slices.Sort(p.people)
	p.people = slices.Compact(p.people)
	for _, f := range item.Features {
		if f.Observable.Value == "" || len(p.feats) == maxFeatures {
			continue
		}
		f.Observable.Value = storable(f.Observable.Value)
		if len(f.Observable.Value) <= maxValue {
			p.feats = append(p.feats, feat{keyOf(f.Observable), roleOf(f.Kind), f.Observable})
		}
	}
	p.finish()
	return p
}

func limited[T any](list []T, most int) []T { return slices.Clone(list[:min(len(list), most)]) }

func signature(s []uint32) []uint32 {
	if len(s) > maxSignature || len(s)%bandRows != 0 {
		return nil
	}
	return s
}

// finish puts values in order, each once in its most telling role.
func (p *profile) finish() {
	slices.SortFunc(p.feats, func(a, b feat) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.role.rank(), b.role.rank()), cmp.Compare(a.obs.Value, b.obs.Value))
	})
	p.feats = slices.CompactFunc(p.feats, func(a, b feat) bool { return a.key == b.key })
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.event))
	p.order = mix(h.Sum64())
	for _, f := range p.feats {
		p.owner, p.vector = p.owner || f.role.own, p.vector || f.role.vector
	}
}

// know looks up what its people have in common with others.
func (p *profile) know(g Groups) {
	p.groups = nil
	if g == nil {
		return
	}
	for _, person := range p.people {
		p.groups = append(p.groups, g.GroupsOf(person)...)
	}
	slices.Sort(p.groups)
	p.groups = slices.Compact(p.groups)
}

// value finds the key of the first value in a role, 0 if there is none.
func (p *profile) value(word string) int64 {
	for _, f := range p.feats {
		if f.role.word == word {
			return f.key
		}
	}
	return 0
}

// suspicious tells items that somebody should look at from such as are only marked.
func (p *profile) suspicious() bool {
	return slices.ContainsFunc(p.findings, func(f FindingRef) bool {
		return f.Severity >= portcullis.Low || f.Attention == portcullis.Targeted
	})
}

// before is the order of items in which nothing depends on when they arrived.
func (p *profile) before(q *profile) int {
	return cmp.Or(cmp.Compare(p.time, q.time), cmp.Compare(p.event, q.event))
}

// bandRows values of a signature make a band. Texts that are 70 % alike share one of 16
// bands of 4 with 98.8 %, such as are 30 % alike with 12 %.
const bandRows = 4

// bandKeys are the numbers under which texts like this one are found.
func bandKeys(text []uint32) []int64 {
	keys := make([]int64, 0, len(text)/bandRows)
	for i := 0; i+bandRows <= len(text); i += bandRows {
		h := mix(uint64(i) + 0x9e3779b97f4a7c15)
		for _, v := range text[i : i+bandRows] {
			h = mix(h ^ uint64(v))
		}
		keys = append(keys, int64(h))
	}
	return keys
}

// structureKey finds what is built exactly alike.
func structureKey(s []uint32) (key int64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	h := uint64(0x53545255)
	for _, v := range s {
		h = mix(h ^ uint64(v))
	}
	return int64(h), true
}

// alike estimates the Jaccard index that two signatures stand for (Broder 1997).
func alike(a, b []uint32) float64 {
	if len(a) == 0 || len(a) != len(b) {
		return 0
	}
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	return float64(same) / float64(len(a))
}
