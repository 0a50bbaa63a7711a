package assessment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Problem is one thing that is wrong with a hypotheses file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

// FileError lists all problems of a file.
type FileError struct{ Problems []Problem }

func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Own is what is known of a campaign without a file.
type Own struct {
	Observations []Observation
	Evidence     []Evidence
}

const maxFile = 8 << 20

// reading is a hypotheses file being put together.
type reading struct {
	file     string
	folder   fs.FS
	problems []Problem
	entered  Case
	actors   []Profile
	loaded   []Profile
	standing map[Proposition]Standing
	asked    map[Proposition]int // line
	priors   map[Proposition]map[string]float64
	ordinary Profile
	seen     []Observation
	ids      map[string]int
}

// ReadFile reads a hypotheses file (docs/ASSESSMENTS.md describes it) for a campaign, with
// the galaxies it names in the folder it lies in. It tells everything that is wrong
// with it, as a *FileError.
//
// Own is what the house's own sensors saw of the campaign; it is weighed with what the
// file brings. Questions of attribution in the file are asked only with attribution.
func ReadFile(name string, r io.Reader, folder fs.FS, campaign portcullis.ID, attribution bool, own Own) (Case, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Case{}, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxFile {
		return Case{}, fmt.Errorf("read %s: more than %d MB", name, maxFile>>20)
	}
	f := &reading{
		file: name, folder: folder, entered: Case{Campaign: campaign}, standing: map[Proposition]Standing{}, asked: map[Proposition]int{},
		priors: map[Proposition]map[string]float64{}, ids: map[string]int{}, ordinary: Profile{ID: Ordinary, Traits: map[string][]string{}},
	}
	f.seen, f.entered.Evidence = own.Observations, own.Evidence
	sections, syntax := parseTOML(raw)
	for _, p := range syntax {
		f.problem(p.Line, "%s", p.Message)
	}
	f.sections(sections)
	f.finish(attribution)
	if len(f.problems) > 0 {
		slices.SortStableFunc(f.problems, func(a, b Problem) int { return a.Line - b.Line })
		return Case{}, &FileError{f.problems}
	}
	return f.entered, nil
}

func (f *reading) problem(line int, format string, args ...any) {
	f.problems = append(f.problems, Problem{f.file, line, fmt.Sprintf(format, args...)})
}

// sections reads galaxies before actors, and actors before what speaks of them,
// wherever they stand.
func (f *reading) sections(all []section) {
	for pass := range 3 {
		for _, s := range all {
			if max(passOf(s.name), 0) == pass {
				f.section(s)
			}
		}
	}
}

// passOf is when a table is read; −1 for one that is not known.

func passOf(name string) int {
	switch name {
	case "":
		return 0
	case "actor", "proposition", "ordinary":
		return 1
	case "observation", "evidence":
		return 2
	}
	return -1
}

func (f *reading) section(s section) {
	switch s.name {
	case "":
		f.head(s)
	case "actor":
		f.actor(s)
	case "proposition":
		f.proposition(s)
	case "ordinary":
		f.ordinaryTraits(s)
	case "observation":
		f.observation(s)
	case "evidence":
		f.evidence(s)
	default:
		f.problem(s.line, "unknown table %q; use actor, proposition, ordinary, observation or evidence", s.name)
	}
}

func (f *reading) head(s section) {
	f.keys(s, "schema", "galaxies", "missing")
	if v, ok := s.fields["schema"]; ok && v.number != 1 {
		f.problem(v.line, "schema %v is not known to this program; it reads schema 1", v.number)
	}
	f.entered.Missing = s.fields["missing"].list
	var g Galaxy
	for _, name := range s.fields["galaxies"].list {
		line := s.fields["galaxies"].line
		if f.folder == nil || !fs.ValidPath(path.Clean(name)) {
			f.problem(line, "galaxy %q: name a file in the folder of this file, or below it", name)
			continue
		}
		if err := g.addFile(f.folder, path.Clean(name)); err != nil {
			f.problem(line, "galaxy %q: %v", name, err)
		}
	}
	f.loaded = g.Profiles()
}

func (f *reading) actor(s section) {
	f.keys(s, "name", "title", "prior", "state")
	name := f.text(s, "name", true)
	if name == "" {
		return
	}
	p, err := FindProfile(f.loaded, name)
	switch {
	case err != nil && len(f.loaded) > 0:
		f.problem(s.fields["name"].line, "%v", err)
		return
	case err != nil:
		p = Profile{ID: actorID(name), Name: name}
	}
	if slices.ContainsFunc(f.actors, func(a Profile) bool { return a.ID == p.ID }) {
		f.problem(s.line, "actor %q stands twice", name)
		return
	}
	if t := f.text(s, "title", false); t != "" {
		p.Name = t
	}
	if v, ok := s.fields["state"]; ok {
		p.State = v.truth
	}
	if v, ok := s.fields["prior"]; ok {
		f.prior(Actor, p.ID, v)
	}
	f.actors = append(f.actors, p)
}

func (f *reading) prior(p Proposition, id string, v field) {
	if !(v.number > 0 && v.number < 1) {
		f.problem(v.line, "a prior must lie between 0 and 1, for nothing is ever quite excluded; this is %v", v.number)
		return
	}
	if f.priors[p] == nil {
		f.priors[p] = map[string]float64{}
	}
	f.priors[p][id] = v.number
}

func (f *reading) proposition(s section) {
	f.keys(s, "about", Unknown, Ordinary, FalseFlag, "none")
	p := Proposition(f.text(s, "about", true))
	if !slices.Contains(Propositions(), p) {
		f.problem(s.fields["about"].at(s), "%q is no proposition; use campaign, actor, state, accessed or taken", p)
		return
	}
	if line, twice := f.asked[p]; twice {
		f.problem(s.line, "%q is asked in line %d already", p, line)
		return
	}
	f.asked[p] = s.line
	st := DefaultStanding(p)
	for key, into := range map[string]*float64{Unknown: &st.Unknown, Ordinary: &st.Ordinary, FalseFlag: &st.FalseFlag, "none": &st.None} {
		if v, ok := s.fields[key]; ok {
			*into = v.number
			if !(v.number > 0 && v.number < 1) {
				f.problem(v.line, "the prior of %q must lie between 0 and 1, for it is always among the rivals; this is %v", key, v.number)
			}
		}
	}
	if v, ok := s.fields["none"]; ok && (p == Actor || p == OneCampaign) {
		f.problem(v.line, "%q has no plain contrary; leave \"none\" out", p)
		return
	}
	if sum := st.Unknown + st.Ordinary + st.FalseFlag + st.None; !(sum < 0.999) {
		f.problem(s.line, "the priors of the rivals come to %.3f; less than 1 must be left for %q to hold", sum, p)
	}
	f.standing[p] = st
}

func (f *reading) ordinaryTraits(s section) {
	f.keys(s, KindTechnique, KindInfrastructure, KindTool, KindVictim, KindPersona)
	for kind, v := range s.fields {
		for _, value := range v.list {
			f.ordinary.add(kind, value)
		}
	}
	f.ordinary.tidy()
}

func (f *reading) observation(s section) {
	f.keys(s, "id", "kind", "value", "vertex", "origin", "via", "hash", "grade", "time", "note")
	o := Observation{
		ID: f.text(s, "id", false), Kind: f.text(s, "kind", true), Value: f.text(s, "value", true), Origin: f.text(s, "origin", true),
		Via: f.text(s, "via", false), Hash: f.hash(s), Note: f.text(s, "note", false), Grade: f.grade(s), Time: s.fields["time"].time,
	}
	if v := f.vertex(s, false); v != "" {
		o.Vertex = v
	}
	f.id(s, o.ID)
	f.seen = append(f.seen, o)
}

func (f *reading) id(s section, id string) {
	if id == "" {
		return
	}
	if line, twice := f.ids[id]; twice {
		f.problem(s.fields["id"].line, "%q is the id of something in line %d already", id, line)
	}
	f.ids[id] = s.line
}

func (f *reading) evidence(s section) {
	f.keys(s, "id", "hash", "origin", "via", "claim", "kind", "vertex", "grade", "time", "note", "group")
	e := Evidence{
		ID: f.text(s, "id", true), Hash: f.hash(s), Origin: f.text(s, "origin", true), Via: f.text(s, "via", false), Claim: f.text(s, "claim", false),
		Kind: f.text(s, "kind", false), Vertex: f.vertex(s, true), Grade: f.grade(s), Time: s.fields["time"].time,
		Note: f.text(s, "note", false), Group: f.text(s, "group", false), Likelihood: map[Proposition]map[string]Rung{},
	}
	f.id(s, e.ID)
	for _, l := range s.below {
		f.likelihood(&e, l)
	}
	if len(s.below) == 0 {
		f.problem(s.line, "evidence %q bears on nothing; put [evidence.likelihood.PROPOSITION] below it, with a word of the ladder for each hypothesis", e.ID)
	}
	f.entered.Evidence = append(f.entered.Evidence, e)
}

func (f *reading) likelihood(e *Evidence, s section) {
	p := Proposition(strings.TrimPrefix(s.name, "evidence.likelihood."))
	if !slices.Contains(Propositions(), p) {
		f.problem(s.line, "%q is no proposition; use campaign, actor, state, accessed or taken", p)
		return
	}
	rungs := map[string]Rung{}
	for key, v := range s.fields {
		word := v.text
		if v.isNumber {
			word = fmt.Sprint(v.number)
		}
		rung, err := ParseRung(word)
		if err != nil {
			f.problem(v.line, "%v", err)
			continue
		}
		id := key
		if p == Actor && !slices.Contains([]string{Unknown, Ordinary, FalseFlag}, key) {
			id = f.actorNamed(key, v.line)
		} else if known := hypothesesOf(p); !slices.Contains(known, key) {
			f.problem(v.line, "%q is no hypothesis of %q; these are: %s", key, p, strings.Join(known, ", "))
		}
		rungs[id] = rung
	}
	e.Likelihood[p] = rungs
}

func hypothesesOf(p Proposition) []string {
	ids := []string{Unknown, Ordinary, FalseFlag}
	if p != Actor {
		for _, h := range PlainQuestion(p, DefaultStanding(p)).Hypotheses[3:] {
			ids = append(ids, h.ID)
		}
	}
	return ids
}

func (f *reading) actorNamed(name string, line int) string {
	p, err := FindProfile(f.actors, name)
	if err != nil {
		f.problem(line, "no [[actor]] is called %q", name)
	}
	return p.ID
}

// finish puts questions and drafted evidence into the case.
func (f *reading) finish(attribution bool) {
	if len(f.asked) == 0 {
		for _, p := range Propositions() {
			f.asked[p], f.standing[p] = 1, DefaultStanding(p)
		}
	}
	for _, p := range Propositions() {
		_, asked := f.asked[p]
		if !asked || p.Attribution() && !attribution || p == Actor && len(f.actors) == 0 {
			continue
		}
		q := PlainQuestion(p, f.standing[p])
		if p == Actor {
			q = f.actorQuestion()
		}
		f.entered.Questions = append(f.entered.Questions, q)
	}
	if attribution {
		d := NewDrafter(f.actors, f.ordinary, NewPopulation(f.background()), Actor, StateAffiliated)
		f.entered.Evidence = append(f.entered.Evidence, d.Draft(f.seen)...)
	}
	f.onlyAsked()
	if len(f.problems) > 0 {
		return
	}
	var invalid *InvalidError
	if err := f.entered.Validate(); errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			f.problem(1, "%s", p)
		}
	}
}

// background is everybody loaded, and whoever is listed without being loaded.
func (f *reading) background() []Profile {
	all := slices.Clone(f.loaded)
	for _, a := range f.actors {
		if !slices.ContainsFunc(all, func(p Profile) bool { return p.ID == a.ID }) {
			all = append(all, a)
		}
	}
	return all
}

// onlyAsked takes out what bears on a proposition that is not asked, so that the record
// of a case without attribution names no actor.
func (f *reading) onlyAsked() {
	asked := map[Proposition]bool{}
	for _, q := range f.entered.Questions {
		asked[q.Proposition] = true
	}
	kept := f.entered.Evidence[:0]
	for _, e := range f.entered.Evidence {
		for p := range e.Likelihood {
			if !asked[p] {
				delete(e.Likelihood, p)
			}
		}
		if len(e.Likelihood) > 0 {
			kept = append(kept, e)
		}
	}
	f.entered.Evidence = kept
}

// actorQuestion shares what the declared priors leave equally among the other actors.
func (f *reading) actorQuestion() Question {
	q := ActorQuestion(f.actors, f.standing[Actor])
	declared, others := 0.0, 0
	for _, a := range f.actors {
		if p, ok := f.priors[Actor][a.ID]; ok {
			declared += p
		} else {
			others++
		}
	}
	st := f.standing[Actor]
	left := 1 - st.Unknown - st.Ordinary - st.FalseFlag - declared
	if others > 0 && left <= 0 || others == 0 && math.Abs(left) > 1e-6 {
		f.problem(f.asked[Actor], "the priors of actors and rivals come to %.3f; they must leave something for actors without one, or come to 1", 1-left)
		return q
	}
	for i, h := range q.Hypotheses {
		if p, ok := f.priors[Actor][h.ID]; ok {
			q.Hypotheses[i].Prior = p
		} else if h.Holds {
			q.Hypotheses[i].Prior = left / float64(others)
		}
	}
	return q
}

func (f *reading) keys(s section, known ...string) {
	for _, key := range s.order {
		if !slices.Contains(known, key) {
			f.problem(s.fields[key].line, "unknown key %q; known keys: %s", key, strings.Join(known, ", "))
		}
	}
	for _, b := range s.below {
		if s.name != "evidence" {
			f.problem(b.line, "unknown table %q", b.name)
		}
	}
}

func (f *reading) text(s section, key string, needed bool) string {
	v, ok := s.fields[key]
	switch {
	case !ok && needed:
		f.problem(s.line, "[[%s]] lacks %q", s.name, key)
	case ok && !v.isText:
		f.problem(v.line, "%q must be text in quotes", key)
	case ok && needed && strings.TrimSpace(v.text) == "":
		f.problem(v.line, "%q is empty", key)
	case len(v.text) > maxText:
		f.problem(v.line, "%q has more than %d bytes", key, maxText)
	}
	return v.text
}

func (f *reading) grade(s section) Grade {
	g, err := ParseGrade(f.text(s, "grade", true))
	if v, ok := s.fields["grade"]; ok && err != nil && v.isText {
		f.problem(v.line, "%v", err)
	}
	return g
}

func (f *reading) vertex(s section, needed bool) Vertex {
	v := Vertex(f.text(s, "vertex", needed))
	if v != "" && !v.known() {
		f.problem(s.fields["vertex"].line, "%q is no vertex; use adversary, capability, infrastructure or victim", v)
	}
	return v
}

// hash is a SHA-256 in hexadecimal.
func (f *reading) hash(s section) string {
	h := strings.ToLower(f.text(s, "hash", false))
	if h != "" && (len(h) != 64 || strings.Trim(h, "0123456789abcdef") != "") {
		f.problem(s.fields["hash"].line, "a hash is the 64 hexadecimal digits of a SHA-256")
	}
	return h
}
