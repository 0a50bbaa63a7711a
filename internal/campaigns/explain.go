package campaigns

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Weighing is what two events come to when held against each other.
type Weighing struct {
	A            portcullis.ID `json:"a"`
	B            portcullis.ID `json:"b"`
	Linked       bool          `json:"linked"`
	Sent         float64       `json:"sent"`  // bits of evidence of what was sent
	Total        float64       `json:"total"` // with timing and targets
	NeedSent     float64       `json:"need_sent"`
	NeedTotal    float64       `json:"need_total"`
	Barred       string        `json:"barred,omitempty"` // why no evidence counts
	SameCampaign bool          `json:"same_campaign"`
	Reasons      []Reason      `json:"reasons"`
}

// Explain weighs two events against each other, whether or not they are in one campaign:
// it answers why two are together as well as why they are not.
func (r *Reader) Explain(ctx context.Context, a, b portcullis.ID) (Weighing, error) {
	var pair []*profile
	for _, event := range []portcullis.ID{a, b} {
		if event == "" {
			return Weighing{}, refusef("two events are weighed against each other: name both, a and b")
		}
		p, err := r.item(ctx, event)
		if err != nil {
			return Weighing{}, err
		}
		if p == nil {
			return Weighing{}, refusef("%s is not correlated: it has no finding, or came later than the last scan", event)
		}
		p.know(r.d.Groups)
		pair = append(pair, p)
	}
	x, y := pair[0], pair[1]
	if x.event == y.event {
		return Weighing{}, refusef("%s cannot be weighed against itself", a)
	}
	context := slices.Clone(pair)
	if x.campaign != "" && x.campaign == y.campaign { // the text that they share is one of all members
		members, err := r.members(ctx, x.campaign)
		if err != nil {
			return Weighing{}, err
		}
		context = members
		x, y = find(members, x.event), find(members, y.event)
	}
	slices.SortFunc(context, (*profile).before)
	wg, err := r.weigher(ctx, context)
	if err != nil {
		return Weighing{}, err
	}
	v := wg.weigh(x, y, nil)
	return Weighing{A: a, B: b, Linked: v.linked(), Sent: v.core(), Total: v.total(), NeedSent: coreBits, NeedTotal: linkBits,
		Barred: bar(v, x, y), SameCampaign: x.campaign != "" && x.campaign == y.campaign, Reasons: wg.reasons(x, y)}, nil
}

func find(members []*profile, event portcullis.ID) *profile {
	i := slices.IndexFunc(members, func(p *profile) bool { return p.event == event })
	return members[i]
}

func bar(v weight, a, b *profile) string {
	switch {
	case !v.barred:
		return ""
	case a.same != nil && a.same.letter || b.same != nil && b.same.letter:
		return "a ready-made letter that many people sign says nothing about who sent it"
	}
	return "only words are shared, and one of the two has nothing that could attack: no link, no attachment, no other reply address"
}

// reasons tells why two items are linked, the strongest first; what speaks against, last.
func (w *weigher) reasons(a, b *profile) (list []Reason) {
	w.weigh(a, b, func(r Reason) { list = append(list, r) })
	slices.SortStableFunc(list, func(x, y Reason) int { return cmp.Compare(y.Bits, x.Bits) })
	return list
}

const groundsMost = 12

// grounds tells why a campaign's members belong together: which values how many share, how
// alike the bodies are, what the targets have in common, how close in time it was.
func (w *weigher) grounds(members []*profile) (list []Reason) {
	var origins []*profile
	for _, p := range members {
		if !p.echo {
			origins = append(origins, p)
		}
	}
	if len(origins) < 2 {
		return nil
	}
	list = append(w.sharedValues(origins), w.bodies(origins)...)
	// What two of sixty share says little of the sixty, however rare it is.
	telling := func(r Reason) float64 { return r.Bits * float64(r.Among) / float64(len(origins)) }
	slices.SortStableFunc(list, func(a, b Reason) int { return cmp.Compare(telling(b), telling(a)) })
	list = list[:min(len(list), groundsMost)]
	list = append(list, w.sharedTargets(origins)...)
	return append(list, span(origins, len(members)-len(origins))...)
}

// heldValue is a value with the number of members that hold it.
type heldValue struct {
	n    int
	role *role
	obs  portcullis.Observable
}

// sharedValues tells what at least two members hold, each fact once.
func (w *weigher) sharedValues(members []*profile) (list []Reason) {
	values := map[int64]heldValue{}
	for _, p := range members {
		for _, f := range p.feats {
			h := values[f.key]
			h.n, h.obs = h.n+1, f.obs
			if h.role == nil || f.role.most < h.role.most {
				h.role = f.role
			}
			values[f.key] = h
		}
	}
	for key, h := range values {
		s := w.stats[key]
		bits := w.bits(s, h.role)
		if h.n < 2 || bits < 1 || implied(values, h) {
			continue
		}
		r := w.valueReason(h.obs, h.role, s, bits)
		r.Among = h.n
		if h.n < len(members) {
			r.Text += fmt.Sprintf(" (%d of these %d)", h.n, len(members))
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Reason) int { return cmp.Compare(a.Text, b.Text) })
	return list
}

// implied tells whether another value says the same more plainly: a host, more than the domain above it;
// a domain, more than a keyed address there that as many share.
func implied(values map[int64]heldValue, h heldValue) bool {
	if h.obs.Type == portcullis.TypeEmail {
		domain := h.obs.Value[strings.LastIndexByte(h.obs.Value, '@')+1:]
		return strings.HasPrefix(h.obs.Value, "~") && values[keyOf(portcullis.Observable{Type: portcullis.TypeDomain, Value: domain})].n == h.n
	}
	if h.role.word != RoleZone {
		return false
	}
	for _, other := range values {
		if other.n >= h.n && other.obs.Type == portcullis.TypeDomain && strings.HasSuffix(other.obs.Value, "."+h.obs.Value) {
			return true
		}
	}
	return false
}

// bodies tells how alike the bodies of those are that say the same.
func (w *weigher) bodies(members []*profile) []Reason {
	sum, n, with := 0.0, 0, map[int]bool{}
	list := members[:min(len(members), 60)]
	bits := 0.0
	for i, a := range list {
		for j, b := range list[:i] {
			like := alike(a.text, b.text)
			if like < .45 || min(a.words, b.words) < 20 {
				continue
			}
			sum, n = sum+like, n+1
			with[i], with[j] = true, true
			var v weight
			w.text(a, b, &v, nil)
			bits = max(bits, v.content)
		}
	}
	if n == 0 || bits < 1 {
		return nil
	}
	text := fmt.Sprintf("bodies %s alike", percent(sum/float64(n)))
	if len(with) < len(members) {
		text += fmt.Sprintf(" (%d of these %d)", len(with), len(members))
	}
	return []Reason{{Kind: ReasonContent, Text: text, Bits: bits, Among: len(with)}}
}

// sharedTargets tells what most of the people have in common, at most three things.
func (w *weigher) sharedTargets(members []*profile) (list []Reason) {
	people := map[portcullis.ID]bool{}
	groups := map[string]map[portcullis.ID]bool{}
	for _, p := range members {
		for _, person := range p.people {
			people[person] = true
			if len(p.people) > 1 {
				continue // whose of the groups are whose is not known
			}
			for _, g := range p.groups {
				if groups[g] == nil {
					groups[g] = map[portcullis.ID]bool{}
				}
				groups[g][person] = true
			}
		}
	}
	for g, in := range groups {
		if len(in) < 2 || 2*len(in) < len(people) {
			continue
		}
		share := float64(w.groups[g]+1) / float64(w.items+10)
		list = append(list, Reason{Kind: ReasonTargets, Among: len(in), Seen: w.groups[g], Of: w.items,
			Bits: min(2.5, max(0, math.Log2(.6/share))), Text: fmt.Sprintf("%d of %s %s", len(in), plural(len(people), "target"), within(g))})
	}
	slices.SortFunc(list, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Among, a.Among), cmp.Compare(a.Text, b.Text)) })
	return list[:min(len(list), 3)]
}

// within makes "on the foreign-affairs committee" follow a noun, however the group is called.
func within(group string) string {
	for _, word := range []string{"on ", "in ", "of ", "at ", "working ", "who "} {
		if strings.HasPrefix(group, word) {
			return group
		}
	}
	if strings.HasSuffix(strings.ToLower(group), "committee") {
		return "on the " + group
	}
	return "with " + group + " in common"
}

func span(members []*profile, echoes int) []Reason {
	first, last := members[0].time, members[len(members)-1].time
	for _, p := range members {
		if first <= unknownTime {
			first = p.time
		}
	}
	days := float64(last-first) / 86400e6
	text := fmt.Sprintf("%s within %s", plural(len(members), "mail"), apart(days))
	if echoes > 0 {
		text += fmt.Sprintf(", and %s (forwarded or reported; they prove nothing)", plural(echoes, "echo"))
	}
	return []Reason{{Kind: ReasonTiming, Text: text, Bits: max(-2, 2-.6*math.Log2(1+days)), Among: len(members)}}
}

// decisionReasons tells what people decided and nobody took back.
func decisionReasons(history []Change) (list []Reason) {
	for _, c := range history {
		if c.Num == 0 || c.Undone || c.What == "undone" {
			continue
		}
		list = append(list, Reason{Kind: ReasonDecision, Text: fmt.Sprintf("%s by %s on %s: %s", c.What, c.Who, c.When.Format("2 Jan 2006"), c.Why)})
	}
	return list
}

// Sentence puts reasons into one line of at most so many, the strongest of each kind first: "same
// tracker host news.example, seen in 6 of 41,208 mails; bodies 93 % alike; 4 of 4 targets on the
// foreign-affairs committee".
func Sentence(reasons []Reason, most int) string {
	var parts []string
	told := map[int]bool{}
	kinds := map[string]bool{}
	for _, again := range []bool{false, true} {
		for i, r := range reasons {
			speaks := r.Bits > 0 || r.Kind == ReasonDecision || r.Kind == ReasonTargets || r.Kind == ReasonTiming
			if !speaks || told[i] || kinds[r.Kind] && !again || len(parts) == most {
				continue
			}
			told[i], kinds[r.Kind] = true, true
			parts = append(parts, r.Text)
		}
	}
	return strings.Join(parts, "; ")
}
