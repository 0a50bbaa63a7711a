package assessment

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

func exampleProfiles(t testing.TB) []Profile {
	t.Helper()
	var g Galaxy
	if err := g.AddFolder(os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	return g.Profiles()
}

func TestGalaxy(t *testing.T) {
	profiles := exampleProfiles(t)
	if len(profiles) != 4 {
		t.Fatalf("%d profiles", len(profiles))
	}
	p, err := FindProfile(profiles, "still-water")
	if err != nil || p.Name != "Grey Heron" || !p.State || len(p.Traits[KindTechnique]) != 4 || len(p.Traits[KindVictim]) != 2 {
		t.Errorf("%v %+v", err, p)
	}
	var g Galaxy
	for what, file := range map[string]string{"not JSON": "{", "no values": `{"type":"threat-actor"}`, "a list": "[]"} {
		if err := g.Add(strings.NewReader(file)); err == nil {
			t.Errorf("%s: taken without complaint", what)
		}
	}
	const odd = `{"type":"threat-actor","values":[{"value":"A","meta":{"synonyms":"one","cfr-target-category":7}},{"value":"B","revoked":true},{"value":"A - G0001","meta":{"synonyms":["two"]}},{"value":""}]}`
	if err := g.Add(strings.NewReader(odd)); err != nil {
		t.Fatal(err)
	}
	if list := g.Profiles(); len(list) != 1 || fmt.Sprint(list[0].Synonyms) != "[one two]" {
		t.Errorf("%+v", list)
	}
}

// Techniques get their ATT&CK ids where their galaxy is loaded.
func TestGalaxyNamesTechniques(t *testing.T) {
	var g Galaxy
	for _, file := range []string{
		`{"type":"mitre-intrusion-set","values":[{"value":"A - G0001","related":[{"dest-uuid":"u1","type":"uses"},{"dest-uuid":"u2","type":"uses"},{"dest-uuid":"u3","type":"similar"}]}]}`,
		`{"type":"mitre-attack-pattern","values":[{"value":"Phishing - T1566","uuid":"u1","meta":{"external_id":"T1566"}}]}`,
		`{"type":"mitre-malware","values":[{"value":"Thing","uuid":"u2"}]}`,
	} {
		if err := g.Add(strings.NewReader(file)); err != nil {
			t.Fatal(err)
		}
	}
	if p := g.Profiles()[0]; fmt.Sprint(p.Traits) != "map[technique:[t1566] tool:[thing]]" {
		t.Errorf("%v", p.Traits)
	}
}

func TestRealGalaxy(t *testing.T) {
	var g Galaxy
	if err := g.AddFolder(os.DirFS(testenv.Data(t, "intel", "galaxy"))); err != nil {
		t.Fatal(err)
	}
	profiles, withTechniques := g.Profiles(), 0
	for _, p := range profiles {
		if len(p.Traits[KindTechnique]) > 0 {
			withTechniques++
		}
	}
	if len(profiles) < 900 || withTechniques < 150 {
		t.Errorf("%d profiles, %d with techniques", len(profiles), withTechniques)
	}
	m := NewPopulation(profiles).kinds[KindTechnique]
	if m.kinship <= 0 || m.kinship >= 0.8 || m.novelty <= 0 || m.novelty >= 0.5 {
		t.Errorf("kinship %.2f and novelty %.2f lie at the edge of what is tried", m.kinship, m.novelty)
	}
	// Three techniques that everybody uses tell nobody from anybody.
	common := commonest(m, 3)
	var seen []Observation
	for i, v := range common {
		seen = append(seen, Observation{Kind: KindTechnique, Value: v, Origin: fmt.Sprint("o", i), Grade: "A1"})
	}
	d := NewDrafter(profiles, Profile{}, NewPopulation(profiles), Actor)
	a := Assess(Case{Campaign: "campaign:x", Questions: []Question{ActorQuestion(profiles, DefaultStanding(Actor))}, Evidence: d.Draft(seen)})
	if actor, _ := a.Answer(Actor); actor.Likelihood.Uncapped > 0.2 {
		t.Errorf("three common techniques make it %s with %.2f", actor.Lead, actor.Likelihood.Uncapped)
	}
}

func commonest(m *kindModel, n int) (list []string) {
	for range n {
		best := ""
		for v, held := range m.held {
			if taken := strings.Join(list, " "); !strings.Contains(taken, v) && (best == "" || held > m.held[best] || held == m.held[best] && v < best) {
				best = v
			}
		}
		list = append(list, best)
	}
	return list
}

// What a listed actor is known for speaks for it; what nobody is known for, for nobody
// listed; and who is known for much is not favoured for it.
func TestDraft(t *testing.T) {
	profiles := exampleProfiles(t)
	d := NewDrafter(profiles[:3], Profile{}, NewPopulation(profiles), Actor, StateAffiliated)
	rungsOf := func(kind, value string) map[string]Rung {
		e := d.Draft([]Observation{{Kind: kind, Value: value, Origin: "o", Grade: "A1"}})[0]
		if e.Vertex != VertexOf(kind) || e.Claim != kind+":"+value {
			t.Errorf("%+v", e)
		}
		return e.Likelihood[Actor]
	}
	if r := rungsOf(KindInfrastructure, "tracker.test"); r["grey-heron"] >= r["paper-lantern"] || r["grey-heron"] >= r[Unknown] || r[FalseFlag] > r[Unknown] {
		t.Errorf("a host that one is known for: %v", r)
	}
	if r := rungsOf(KindInfrastructure, "never-seen.example"); r[Unknown] > r["grey-heron"] {
		t.Errorf("a host that nobody is known for: %v", r)
	}
	if r := rungsOf(KindInfrastructure, "provider: north hosting"); r["grey-heron"] != r["paper-lantern"] && r["grey-heron"]-r["paper-lantern"] != 1 {
		t.Errorf("a provider that two are known for: %v", r)
	}
	if got := d.Draft(nil); len(got) != 0 {
		t.Errorf("%v out of nothing", got)
	}
}

func FuzzGalaxy(f *testing.F) {
	raw, err := os.ReadFile("../../examples/galaxy.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(raw))
	f.Fuzz(func(t *testing.T, raw string) {
		var g Galaxy
		if g.Add(strings.NewReader(raw)) != nil {
			return
		}
		for _, p := range g.Profiles() {
			if p.Name == "" {
				t.Error("a profile without a name")
			}
		}
	})
}
