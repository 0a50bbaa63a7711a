package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/simulation"
)

const (
	simulatedIncidents = 3000
	certainAtLeast     = 200 // times that "almost certain" must be said for its figure to count
)

// assessments weighs simulated incidents and compares what was said with what was so.
func assessments(ctx context.Context, b *bench, s *Section) error {
	groups, err := b.galaxyGroups()
	if err != nil {
		return err
	}
	seeds := reportingSeeds[:b.full(5, 1)]
	s.condition("Simulated: %d incidents for each of the seeds %v, in worlds drawn from the %d groups of the galaxy that have techniques; 7 in 10 groups are listed, the others unknown to the assessor.", simulatedIncidents, seeds, len(groups))
	s.condition("A world's parameters are drawn per seed and not exported. The log score is in nats and of the actor or none of the listed; the base rate knows how often each was it. Calibration here is on a simulation, whatever the figures.")
	for _, scenario := range simulation.Scenarios() {
		t := newWeighingTrial(scenario.Name)
		for _, seed := range seeds {
			b.say("  %s, seed %d", scenario.Name, seed)
			if err := t.run(ctx, simulation.New(groups, scenario, seed)); err != nil {
				return fmt.Errorf("%s, seed %d: %w", scenario.Name, seed, err)
			}
		}
		t.report(s, scenario.Name == "nominal")
	}
	return nil
}

// galaxyGroups are the groups of the data set's galaxy, by their techniques.
func (b *bench) galaxyGroups() ([]simulation.Group, error) {
	dir, err := b.data("intel", "galaxy")
	if err != nil {
		return nil, err
	}
	var g assessment.Galaxy
	if err := g.AddFolder(os.DirFS(dir)); err != nil {
		return nil, err
	}
	var groups []simulation.Group
	for _, p := range g.Profiles() {
		if t := p.Traits[assessment.KindTechnique]; len(t) > 0 {
			groups = append(groups, simulation.Group{Name: p.Name, Techniques: t})
		}
	}
	if len(groups) < 20 {
		return nil, missingError(fmt.Sprintf("not measured: the galaxy in %s has %d groups with techniques", filepath.Base(dir), len(groups)))
	}
	return groups, nil
}

// judged is what somebody says of one incident.
type judged struct {
	chances map[string]float64 // of each listed actor, by name, and of simulation.None
	word    string             // of the leading actor, "" where a method has none
	spans   bool
	certain bool // "almost certain" is said of the leading actor
	certUn  bool // and would be without caps
}

// weighingTrial gathers figures of one scenario over seeds.
type weighingTrial struct {
	name      string
	incidents int
	ours      *weighScore
	others    []*weighScore
	base      *weighScore
	echoes    int // incidents whose statement an echo would have changed
}

func newWeighingTrial(name string) *weighingTrial {
	t := &weighingTrial{name: name, incidents: simulatedIncidents, ours: &weighScore{name: "weighing"}, base: &weighScore{name: "base rate"}}
	for _, m := range simulation.Methods() {
		t.others = append(t.others, &weighScore{name: m.Name})
	}
	return t
}

// run weighs the incidents of one world on all cores.
func (t *weighingTrial) run(ctx context.Context, w *simulation.World) error {
	d := newDesk(w)
	incidents := w.Incidents(t.incidents)
	judgements := make([]judged, len(incidents))
	changed := make([]bool, len(incidents))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i := range incidents {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			a, err := d.assess(incidents[i].Reports)
			if err != nil {
				return err
			}
			judgements[i] = d.judged(a)
			if i%20 == 0 {
				changed[i], err = d.echoChanges(a, incidents[i].Reports)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, incident := range incidents {
		truth := incident.Truth.Actor
		if !incident.Truth.Listed {
			truth = simulation.None
		}
		t.ours.add(judgements[i], truth)
		for n, m := range simulation.Methods() {
			t.others[n].add(judged{chances: m.Weigh(d.know, incident)}, truth)
		}
		if changed[i] {
			t.echoes++
		}
	}
	t.addBase(incidents)
	return nil
}

// addBase scores somebody who knows how often each actor it was, and nothing else.
func (t *weighingTrial) addBase(incidents []simulation.Incident) {
	rate := map[string]float64{}
	for _, i := range incidents {
		rate[truthOf(i)] += 1 / float64(len(incidents))
	}
	for _, i := range incidents {
		t.base.add(judged{chances: rate}, truthOf(i))
	}
}

func truthOf(i simulation.Incident) string {
	if i.Truth.Listed {
		return i.Truth.Actor
	}
	return simulation.None
}

// desk assesses the incidents of a world with what is public in it.
type desk struct {
	drafter  *assessment.Drafter
	question assessment.Question
	know     *simulation.Knowledge
	names    map[string]string // by the hypothesis's id
}

func newDesk(w *simulation.World) *desk {
	d := &desk{know: simulation.Know(w.Public()), names: map[string]string{}}
	var actors []assessment.Profile
	for i, p := range w.Public() {
		id := fmt.Sprintf("actor-%03d", i)
		d.names[id] = p.Name
		actors = append(actors, assessment.Profile{ID: id, Name: p.Name, Traits: lower(p.Traits)})
	}
	ordinary := assessment.Profile{ID: assessment.Ordinary, Traits: lower(w.Ordinary().Traits)}
	d.drafter = assessment.NewDrafter(actors, ordinary, assessment.NewPopulation(actors), assessment.Actor)
	d.question = assessment.ActorQuestion(actors, assessment.DefaultStanding(assessment.Actor))
	return d
}

func lower(traits map[string][]string) map[string][]string {
	out := map[string][]string{}
	for kind, values := range traits {
		for _, v := range values {
			out[kind] = append(out[kind], strings.ToLower(v))
		}
		slices.Sort(out[kind])
	}
	return out
}

func (d *desk) assess(reports []simulation.Report) (assessment.Assessment, error) {
	observations := make([]assessment.Observation, len(reports))
	for i, r := range reports {
		observations[i] = assessment.Observation{
			ID: r.ID, Kind: r.Kind, Value: r.Value, Origin: r.Origin, Via: r.Via, Hash: r.Hash, Grade: assessment.Grade(r.Grade), Time: r.Time,
		}
	}
	c := assessment.Case{Campaign: "campaign:simulated", Questions: []assessment.Question{d.question}, Evidence: d.drafter.Draft(observations)}
	if err := c.Validate(); err != nil {
		return assessment.Assessment{}, err
	}
	return assessment.Assess(c), nil
}

func (d *desk) judged(a assessment.Assessment) judged {
	answer, _ := a.Answer(assessment.Actor)
	j := judged{chances: map[string]float64{}, word: answer.Likelihood.Word, spans: answer.Likelihood.Spans}
	for _, p := range answer.Posteriors {
		j.chances[d.names[p.Hypothesis]] += p.Posterior // the standing rivals have no name: None
	}
	j.certain = j.word == assessment.AlmostCertain
	j.certUn = assessment.Word(answer.Likelihood.Uncapped) == assessment.AlmostCertain
	return j
}

// echoChanges repeats each report twice more and tells whether the answer is another.
func (d *desk) echoChanges(a assessment.Assessment, reports []simulation.Report) (bool, error) {
	more := slices.Clone(reports)
	for i, r := range reports {
		r.ID, r.Via, r.Grade = fmt.Sprintf("echo %d", i), "an echo", "A1"
		r.Time = r.Time.AddDate(0, 1, 0)
		more = append(more, r)
		r.ID, r.Hash = fmt.Sprintf("another %d", i), fmt.Sprintf("another document %d", i)
		more = append(more, r)
	}
	b, err := d.assess(more)
	if err != nil {
		return false, err
	}
	x, _ := a.Answer(assessment.Actor)
	y, _ := b.Answer(assessment.Actor)
	return a.Case != b.Case || !slices.Equal(x.Posteriors, y.Posteriors) || x.Likelihood.Word != y.Likelihood.Word || x.Likelihood.Low != y.Likelihood.Low, nil
}

// bins are ten equal parts of what is claimed.
type bins [10]struct {
	n, right int
	claimed  float64
}

func (b *bins) add(claimed float64, right bool) {
	bin := &b[min(int(claimed*10), 9)]
	bin.n++
	bin.claimed += claimed
	if right {
		bin.right++
	}
}

// ece is the expected calibration error: how far what was claimed is from what was
// so, bin by bin, weighted by how often each was claimed.
func (b *bins) ece() (sum float64) {
	all := 0
	for _, bin := range b {
		all += bin.n
		sum += math.Abs(bin.claimed - float64(bin.right))
	}
	return sum / float64(max(all, 1))
}

// weighScore is what a method comes to in one scenario.
type weighScore struct {
	name             string
	n, top           int
	logs             float64
	actor, answer    bins // of the leading actor; of the leading answer, none of the listed included
	words, named     int
	certain, right   int
	certainU, rightU int
}

func (s *weighScore) add(j judged, truth string) {
	s.n++
	s.logs += math.Log(max(j.chances[truth], 1e-9))
	actor, none := leading(j.chances)
	lead, claimed := actor, j.chances[actor]
	if none >= claimed {
		lead, claimed = simulation.None, none
	}
	if lead == truth {
		s.top++
	}
	s.actor.add(j.chances[actor], actor == truth)
	s.answer.add(claimed, lead == truth)
	if j.word != "" && !j.spans {
		s.words++
	}
	if lead != simulation.None {
		s.named++
	}
	certainUncapped := j.chances[actor] >= 0.95
	if j.word != "" {
		certainUncapped = j.certUn
	}
	if certainUncapped {
		s.certainU++
		if actor == truth {
			s.rightU++
		}
	}
	if j.certain {
		s.certain++
		if actor == truth {
			s.right++
		}
	}
}

// leading finds the likeliest listed actor, by name among equals.
func leading(chances map[string]float64) (actor string, none float64) {
	for name, p := range chances {
		if name == simulation.None {
			continue
		}
		if actor == "" || p > chances[actor] || p == chances[actor] && name < actor {
			actor = name
		}
	}
	return actor, chances[simulation.None]
}

func (s *weighScore) meanLog() float64 { return s.logs / float64(max(s.n, 1)) }

// report writes the figures of one scenario.
func (t *weighingTrial) report(s *Section, nominal bool) {
	limit := 0.10
	if nominal {
		limit = 0.05
	}
	o, name := t.ours, func(what string) string { return t.name + ": " + what }
	s.claim(name("ECE, leading actor, uncapped"), fmt.Sprintf("%.3f", o.actor.ece()), fmt.Sprintf("≤ %.2f", limit), o.actor.ece() <= limit)
	s.tell(name("ECE, leading answer, none of the listed included"), "%.3f", o.answer.ece())
	s.claim(name(`"almost certain", uncapped, was right`), percent(o.rightU, o.certainU), "≥ 95 % of ≥ 200", o.certainU >= certainAtLeast && reaches(o.rightU, o.certainU, 95))
	s.tell(name(`"almost certain" as printed, capped and shaken, was right`), "%s", percent(o.right, o.certain))
	better := o.meanLog() > t.base.meanLog()
	s.claim(name("log score"), fmt.Sprintf("%.3f (base rate %.3f)", o.meanLog(), t.base.meanLog()), "above the base rate", better)
	best := slices.MaxFunc(t.others, func(a, b *weighScore) int {
		if a.meanLog() < b.meanLog() {
			return -1
		}
		return 1
	})
	s.claim(name("log score of the best simpler method"), fmt.Sprintf("%.3f (%s)", best.meanLog(), best.name), "below ours", best.meanLog() < o.meanLog())
	s.tell(name("right answer on top"), "%s", percent(o.top, o.n))
	s.tell(name("coverage: one word instead of a span"), "%s", percent(o.words, o.n))
	s.tell(name("coverage: a listed actor leads"), "%s", percent(o.named, o.n))
	s.claim(name("statements that an echo changes"), fmt.Sprint(t.echoes), "0", t.echoes == 0)
	for _, m := range t.others {
		s.detail("%s, %s: log score %.3f, ECE %.3f of the actor and %.3f of the answer, top-1 %.1f %%, 95 %% and more claimed and right %s",
			t.name, m.name, m.meanLog(), m.actor.ece(), m.answer.ece(), 100*float64(m.top)/float64(max(m.n, 1)), percent(m.rightU, m.certainU))
	}
	s.detail("%s, weighing, leading actor, claimed and right by tenths: %s", t.name, o.actor)
}

func (b bins) String() string {
	var cells []string
	for _, bin := range b {
		if bin.n > 0 {
			cells = append(cells, fmt.Sprintf("%.2f/%.2f (%d)", bin.claimed/float64(bin.n), float64(bin.right)/float64(bin.n), bin.n))
		}
	}
	return strings.Join(cells, ", ")
}
