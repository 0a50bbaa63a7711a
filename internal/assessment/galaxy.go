package assessment

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Profile is what is publicly held of an actor: for each kind of evidence, the values
// it is known for. None is built in; the operator loads them.
type Profile struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Synonyms []string `json:"synonyms,omitempty"`
	// State tells that a source holds the actor to be affiliated with a state. That it
	// is not said means nothing.
	State  bool                `json:"state,omitempty"`
	Traits map[string][]string `json:"traits,omitempty"` // by kind, sorted
}

const (
	maxGalaxy  = 64 << 20
	maxActors  = 5000
	maxTraits  = 5000 // of one actor
	maxSynonym = 200
)

// cluster is one value of a MISP galaxy file.
type cluster struct {
	UUID    string `json:"uuid"`
	Value   string `json:"value"`
	Revoked bool   `json:"revoked"`
	Meta    struct {
		ExternalID      flexible `json:"external_id"`
		Synonyms        flexible `json:"synonyms"`
		Sponsor         flexible `json:"cfr-suspected-state-sponsor"`
		TargetCategory  flexible `json:"cfr-target-category"`
		TargetedSector  flexible `json:"targeted-sector"`
		Infrastructure  flexible `json:"infrastructure"`
		Tools           flexible `json:"tools"`
		StateAffiliated flexible `json:"state-affiliated"`
	} `json:"meta"`
	Related []struct {
		Dest string `json:"dest-uuid"`
		Type string `json:"type"`
	} `json:"related"`
}

// flexible is a text or a list of them: galaxies have both for one key.
type flexible []string

func (f *flexible) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*f = flexible{one}
		return nil
	}
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*f = many
	}
	return nil // numbers and objects under these keys tell us nothing
}

type galaxyFile struct {
	Type   string    `json:"type"`
	Values []cluster `json:"values"`
}

// Galaxy is a set of actors read from MISP galaxy files.
//
// A galaxy of intrusion sets names techniques by the uuid of another galaxy's value.
// Where that galaxy (mitre-attack-pattern) is loaded too, techniques get their ATT&CK
// ids, under which findings name them; otherwise they keep their uuids. Related
// software counts as tools only where its galaxy is loaded; what cannot be told apart
// counts as technique.
type Galaxy struct {
	clusters []cluster
	names    map[string]named // by uuid: what another galaxy calls it
}

type named struct{ kind, id string }

// Add reads one galaxy file. Keys that other programs put there are passed over.
func (g *Galaxy) Add(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxGalaxy+1))
	if err != nil {
		return fmt.Errorf("read galaxy: %w", err)
	}
	if len(raw) > maxGalaxy {
		return fmt.Errorf("read galaxy: more than %d MB", maxGalaxy>>20)
	}
	var file galaxyFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return fmt.Errorf("read galaxy: not a MISP galaxy file: %w", err)
	}
	if len(file.Values) == 0 {
		return errors.New(`read galaxy: it has no "values"; use a file from the clusters folder of a MISP galaxy`)
	}
	if g.names == nil {
		g.names = map[string]named{}
	}
	switch kind := referred(file.Type); kind {
	case "":
		if len(g.clusters)+len(file.Values) > maxActors {
			return fmt.Errorf("read galaxy: more than %d actors", maxActors)
		}
		g.clusters = append(g.clusters, file.Values...)
	default:
		for _, c := range file.Values {
			id := c.Value
			if len(c.Meta.ExternalID) > 0 {
				id = c.Meta.ExternalID[0]
			}
			g.names[c.UUID] = named{kind, id}
		}
	}
	return nil
}

// referred is the kind of trait that a galaxy's values are, "" for actors.
func referred(galaxyType string) string {
	switch {
	case strings.Contains(galaxyType, "attack-pattern"):
		return KindTechnique
	case strings.Contains(galaxyType, "tool"), strings.Contains(galaxyType, "malware"), strings.Contains(galaxyType, "malpedia"),
		strings.Contains(galaxyType, "rat"), strings.Contains(galaxyType, "ransomware"):
		return KindTool
	}
	return ""
}

// Profiles are the actors, ordered by id. Entries that share a name are one actor; what
// is revoked is left out.
func (g *Galaxy) Profiles() []Profile {
	var list []Profile
	byName := map[string]int{}
	for _, c := range g.clusters {
		if c.Revoked || strings.TrimSpace(c.Value) == "" {
			continue
		}
		p := g.profile(c)
		if i, ok := shared(byName, p); ok {
			list[i].merge(p)
			note(byName, list[i], i)
			continue
		}
		list = append(list, p)
		note(byName, p, len(list)-1)
	}
	for i := range list {
		list[i].tidy()
	}
	slices.SortFunc(list, func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func note(byName map[string]int, p Profile, i int) {
	for _, name := range append([]string{p.Name}, p.Synonyms...) {
		if key := nameKey(name); key != "" {
			if _, taken := byName[key]; !taken {
				byName[key] = i
			}
		}
	}
}

// shared looks for the entry that this one's own name belongs to. Synonyms alone join
// nothing: the same synonym is given to different groups often enough.
func shared(byName map[string]int, p Profile) (int, bool) {
	i, ok := byName[nameKey(p.Name)]
	return i, ok
}

// nameKey is a name without what writers vary: case, spaces, hyphens, and the id
// behind a dash that intrusion sets carry.
func nameKey(name string) string {
	name, _, _ = strings.Cut(name, " - G")
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

func (g *Galaxy) profile(c cluster) Profile {
	name, _, _ := strings.Cut(c.Value, " - G")
	p := Profile{ID: actorID(name), Name: name, Traits: map[string][]string{}}
	p.Synonyms = append(p.Synonyms, c.Meta.Synonyms[:min(len(c.Meta.Synonyms), maxSynonym)]...)
	p.State = len(c.Meta.Sponsor) > 0 || slices.Contains(c.Meta.StateAffiliated, "true")
	for _, rel := range c.Related {
		if rel.Type != "uses" || len(p.Traits[KindTechnique]) >= maxTraits {
			continue
		}
		of, ok := g.names[rel.Dest]
		if !ok {
			of = named{KindTechnique, rel.Dest}
		}
		p.add(of.kind, of.id)
	}
	for kind, values := range map[string][]flexible{
		KindVictim: {c.Meta.TargetCategory, c.Meta.TargetedSector}, KindInfrastructure: {c.Meta.Infrastructure}, KindTool: {c.Meta.Tools},
	} {
		for _, list := range values {
			for _, v := range list {
				p.add(kind, v)
			}
		}
	}
	return p
}

func (p *Profile) add(kind, value string) {
	if value = traitValue(value); value != "" {
		p.Traits[kind] = append(p.Traits[kind], value)
	}
}

// traitValue is the form in which values are compared.
func traitValue(v string) string { return strings.ToLower(strings.TrimSpace(v)) }

func (p *Profile) merge(other Profile) {
	p.Synonyms = append(p.Synonyms, append([]string{other.Name}, other.Synonyms...)...)
	p.State = p.State || other.State
	for kind, values := range other.Traits {
		p.Traits[kind] = append(p.Traits[kind], values...)
	}
}

func (p *Profile) tidy() {
	for kind, values := range p.Traits {
		slices.Sort(values)
		p.Traits[kind] = slices.Compact(values)
	}
	p.Synonyms = slices.DeleteFunc(p.Synonyms, func(s string) bool { return s == p.Name })
	slices.Sort(p.Synonyms)
	p.Synonyms = slices.Compact(p.Synonyms)
}

// actorID is a name in a form that files and command lines take.
func actorID(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// FindProfile looks an actor up by id, name or synonym. Where a synonym is given to
// several, the error names them.
func FindProfile(profiles []Profile, name string) (Profile, error) {
	key, id := nameKey(name), actorID(name)
	var by []Profile
	for _, p := range profiles {
		if p.ID == id || nameKey(p.Name) == key {
			return p, nil
		}
		if slices.ContainsFunc(p.Synonyms, func(s string) bool { return nameKey(s) == key }) {
			by = append(by, p)
		}
	}
	switch len(by) {
	case 0:
		return Profile{}, fmt.Errorf("no loaded galaxy has an actor called %q", name)
	case 1:
		return by[0], nil
	}
	var names []string
	for _, p := range by {
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("%q is a name of several actors: %s; use one of these", name, strings.Join(names, ", "))
}

// AddFolder reads all files *.json of a folder.
func (g *Galaxy) AddFolder(folder fs.FS) error {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return fmt.Errorf("list galaxies: %w", err)
	}
	for _, name := range names {
		if err := g.addFile(folder, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (g *Galaxy) addFile(folder fs.FS, name string) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return g.Add(f)
}
