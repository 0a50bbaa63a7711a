//go:build devk3

package campaigns

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis"
)

type k3Dump struct {
	Items           []Item
	Text, Structure [][]uint32
	Total           int
	Freq            map[portcullis.Observable]int
	Like            map[portcullis.ID][]Likeness
	Groups          map[portcullis.ID][]string
	Findings        map[portcullis.ID]string
}

type k3Deps struct{ d *k3Dump }

func (k k3Deps) Total(context.Context) (int, error) { return k.d.Total, nil }
func (k k3Deps) Frequency(_ context.Context, v []portcullis.Observable) (n []int, err error) {
	for _, o := range v {
		n = append(n, k.d.Freq[o])
	}
	return
}
func (k k3Deps) Seen(context.Context, portcullis.Observable, int) ([]Sighting, error) {
	return nil, nil
}
func (k k3Deps) Like(_ context.Context, e portcullis.ID, n int) ([]Likeness, error) {
	return k.d.Like[e], nil
}
func (k k3Deps) GroupsOf(p portcullis.ID) []string { return k.d.Groups[p] }

func TestDevEval(t *testing.T) {
	var R, S, T int
	verbose := os.Getenv("K3V") != ""
	for _, f := range strings.Fields(os.Getenv("K3SEEDS")) {
		dir := "/tmp/k3/" + os.Getenv("K3PREFIX") + f
		d := &k3Dump{}
		r, err := os.Open(dir + "/dump.gob")
		must(t, err)
		must(t, gob.NewDecoder(r).Decode(d))
		r.Close()
		truth := map[portcullis.ID][4]string{}
		raw, _ := os.ReadFile(dir + "/truth.json")
		must(t, json.Unmarshal(raw, &truth))
		deps := Deps{Archive: k3Deps{d}, Resembling: k3Deps{d}, Groups: k3Deps{d}}
		var items []*profile
		for i, it := range d.Items {
			it.Text, it.Structure = d.Text[i], d.Structure[i]
			p := newProfile(it)
			p.know(deps.Groups)
			items = append(items, p)
		}
		slices.SortFunc(items, (*profile).before)
		wg, err := prepare(context.Background(), items, deps, nil)
		must(t, err)
		groups := slices.DeleteFunc(membersOf(items, partition(items, wg, newDecided(nil))), func(m []*profile) bool { return !eligible(m, newDecided(nil)) })
		said := map[portcullis.ID]int{}
		byEvent := map[portcullis.ID]*profile{}
		for _, p := range items {
			byEvent[p.event] = p
		}
		for n, m := range groups {
			for _, p := range m {
				said[p.event] = n + 1
			}
		}
		type lab struct {
			e portcullis.ID
			c string
			s int
		}
		var list []lab
		for e, x := range truth {
			if x[2] == "true" || x[0] == "" && said[e] == 0 {
				continue
			}
			list = append(list, lab{e, x[0], said[e]})
		}
		r0, s0, t0 := 0, 0, 0
		for i, a := range list {
			for _, b := range list[:i] {
				same, tog := a.c != "" && a.c == b.c, a.s != 0 && a.s == b.s
				if same {
					t0++
				}
				if tog {
					s0++
				}
				if same && tog {
					r0++
				}
			}
		}
		R, S, T = R+r0, S+s0, T+t0
		t.Logf("seed %s: F1 %.3f P %.3f R %.3f pairs %d items %d total %d", f, 2*float64(r0)/float64(s0+t0), float64(r0)/float64(max(1, s0)), float64(r0)/float64(t0), t0, len(items), d.Total)
		if !verbose {
			continue
		}
		name := func(e portcullis.ID) string {
			return strings.TrimPrefix(truth[e][0], "operation-") + "/" + strings.TrimPrefix(truth[e][1], "incident/")
		}
		show := func(p, q *profile, why string) {
			v := wg.weigh(p, q, nil)
			fmt.Printf("    %s %s %s | %s %s linked=%v core %.1f total %.1f barred %v\n", why, name(p.event), fromMicros(p.time).Format("2006-01-02"), name(q.event), fromMicros(q.time).Format("2006-01-02"), v.linked(), v.core(), v.total(), v.barred)
			for _, x := range wg.reasons(p, q) {
				fmt.Printf("        %5.1f %s\n", x.Bits, x.Text)
			}
		}
		for n, m := range groups {
			count := map[string]int{}
			for _, p := range m {
				if truth[p.event][2] != "true" {
					count[name(p.event)]++
				}
			}
			if len(count) < 2 {
				continue
			}
			fmt.Printf("MIXED seed %s group %d: %v\n", f, n, count)
			shown := map[string]bool{}
			for i, p := range m {
				for _, q := range m[:i] {
					a, b := name(p.event), name(q.event)
					if a == b || shown[a+b] || p.echo || q.echo || !wg.weigh(p, q, nil).linked() {
						continue
					}
					shown[a+b], shown[b+a] = true, true
					show(p, q, "BRIDGE")
				}
			}
		}
		ops := map[string][]portcullis.ID{}
		for e, x := range truth {
			if x[0] != "" {
				ops[x[0]] = append(ops[x[0]], e)
			}
		}
		for _, op := range slices.Sorted(mapKeys(ops)) {
			ev := ops[op]
			slices.Sort(ev)
			count := map[string]int{}
			for _, e := range ev {
				k := fmt.Sprint(said[e])
				if byEvent[e] == nil {
					k = "unfound"
				}
				count[k]++
			}
			if len(count) < 2 && said[ev[0]] != 0 {
				continue
			}
			fmt.Printf("TORN seed %s %s %s: %v\n", f, op, truth[ev[0]][1], count)
			n := 0
			seen := map[[2]int]bool{}
			for i, a := range ev {
				for _, b := range ev[:i] {
					x, y := min(said[a], said[b]), max(said[a], said[b])
					if p, q := byEvent[a], byEvent[b]; p != nil && q != nil && (x != y || x == 0) && !seen[[2]int{x, y}] && n < 4 {
						// best pair between
						n++
						seen[[2]int{x, y}] = true
						var bp, bq *profile
						best := -99.0
						for _, c := range ev {
							for _, e := range ev {
								if c == e || byEvent[c] == nil || byEvent[e] == nil || said[c] != said[a] || said[e] != said[b] {
									continue
								}
								if v := wg.weigh(byEvent[c], byEvent[e], nil); v.total() > best {
									best, bp, bq = v.total(), byEvent[c], byEvent[e]
								}
							}
						}
						if bp != nil {
							show(bp, bq, fmt.Sprintf("APART %d/%d", said[a], said[b]))
						}
					}
				}
			}
		}
	}
	t.Logf("ALL: F1 %.4f P %.3f R %.3f", 2*float64(R)/float64(S+T), float64(R)/float64(S), float64(R)/float64(T))
}

func TestDevTable(t *testing.T) {
	for _, f := range strings.Fields(os.Getenv("K3SEEDS")) {
		dir := "/tmp/k3/" + os.Getenv("K3PREFIX") + f
		d := &k3Dump{}
		r, err := os.Open(dir + "/dump.gob")
		must(t, err)
		must(t, gob.NewDecoder(r).Decode(d))
		r.Close()
		truth := map[portcullis.ID][4]string{}
		raw, _ := os.ReadFile(dir + "/truth.json")
		must(t, json.Unmarshal(raw, &truth))
		type info struct {
			ops   map[string]bool
			names map[int64]bool
			doms  map[int64]bool
			n     int
			role  string
			obs   portcullis.Observable
		}
		m := map[int64]*info{}
		for _, it := range d.Items {
			p := newProfile(it)
			var sd int64
			for _, f := range p.feats {
				if f.role.word == RoleSender && f.obs.Type == portcullis.TypeDomain {
					sd = f.key
				}
			}
			for _, f := range p.feats {
				if f.role.word == RoleURL || f.obs.Type == portcullis.TypeURL {
					continue
				}
				x := m[f.key]
				if x == nil {
					x = &info{map[string]bool{}, map[int64]bool{}, map[int64]bool{}, 0, f.role.word, f.obs}
					m[f.key] = x
				}
				x.n++
				x.names[p.value(RoleName)] = true
				x.doms[sd] = true
				op := truth[it.Event][0]
				if op == "" {
					op = truth[it.Event][1] + string(it.Event)
				}
				x.ops[op] = true
			}
		}
		var lines []string
		for _, x := range m {
			if x.n < 2 {
				continue
			}
			lines = append(lines, fmt.Sprintf("%-10s ops %2d inside %3d seen %3d outside %3d names %2d senderdomains %2d %s", x.role, len(x.ops), x.n, d.Freq[x.obs], d.Freq[x.obs]-x.n, len(x.names), len(x.doms), x.obs.Value))
		}
		slices.Sort(lines)
		fmt.Println("SEED", f, len(d.Items))
		fmt.Println(strings.Join(lines, "\n"))
	}
}
