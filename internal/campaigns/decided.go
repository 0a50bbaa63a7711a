package campaigns

import (
	"slices"

	"portcullis.example/portcullis"
)

// decision is something a person decided about events.
type decision struct {
	num  int
	kind string // together or apart
	a, b []portcullis.ID
}

// The kinds of decisions. Together: all of a and b are one campaign. Apart: those of a are
// one, and none of them belongs to any of b.
const (
	together = "together"
	apartly  = "apart"
)

// The sides of a decision that keeps events apart.
const (
	sideA     uint8 = 1
	sideB     uint8 = 2
	bothSides       = sideA | sideB
)

// decided is what all decisions in force come to: groups of events that belong
// together, and pairs of sides that don't. A later decision stands above an earlier one: who
// puts two campaigns together that somebody had taken apart wants them together, and the reverse.
type decided struct {
	group map[portcullis.ID]int // event to its group
	parts map[portcullis.ID]map[int]uint8
	next  int
}

func newDecided(list []decision) *decided {
	d := &decided{group: map[portcullis.ID]int{}, parts: map[portcullis.ID]map[int]uint8{}}
	for _, one := range list {
		if one.kind == together {
			d.together(slices.Concat(one.a, one.b))
		} else {
			d.apart(one)
		}
	}
	d.drop()
	return d
}

// together makes one group of the events and of the groups that they were in.
func (d *decided) together(list []portcullis.ID) {
	d.next++
	joined := map[int]bool{}
	for _, event := range list {
		if n, ok := d.group[event]; ok {
			joined[n] = true
		}
		d.group[event] = d.next
	}
	if len(joined) > 0 {
		for event, n := range d.group {
			if joined[n] {
				d.group[event] = d.next
			}
		}
	}
	d.reconcile()
}

// reconcile drops what earlier decisions kept apart and a later one put together.
func (d *decided) reconcile() {
	sides := map[[2]int]uint8{} // group and decision
	for event, n := range d.group {
		for num, side := range d.parts[event] {
			sides[[2]int{n, num}] |= side
		}
	}
	for event, n := range d.group {
		for num := range d.parts[event] {
			if sides[[2]int{n, num}] == bothSides {
				delete(d.parts[event], num)
			}
		}
	}
}

// apart takes the events of a out of their groups and makes them one.
func (d *decided) apart(one decision) {
	d.next++
	for _, event := range one.a {
		d.group[event] = d.next
		d.part(event, one.num, sideA)
	}
	for _, event := range one.b {
		d.part(event, one.num, sideB)
	}
}

func (d *decided) part(event portcullis.ID, num int, side uint8) {
	if d.parts[event] == nil {
		d.parts[event] = map[int]uint8{}
	}
	d.parts[event][num] = side
}

// drop forgets groups of one.
func (d *decided) drop() {
	count := map[int]int{}
	for _, n := range d.group {
		count[n]++
	}
	for event, n := range d.group {
		if count[n] < 2 {
			delete(d.group, event)
		}
	}
}

func (d *decided) sides(event portcullis.ID) map[int]uint8 { return d.parts[event] }

// wanted tells whether a person put two of the members together.
func (d *decided) wanted(members []*profile) bool {
	return slices.ContainsFunc(members, func(p *profile) bool { _, ok := d.group[p.event]; return ok })
}

// touched tells whether any decision is about a member.
func (d *decided) touched(members []*profile) bool {
	return d.wanted(members) || slices.ContainsFunc(members, func(p *profile) bool { return len(d.parts[p.event]) > 0 })
}
