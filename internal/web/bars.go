package web

import (
	"fmt"
)

// The probability yardstick of the Professional Head of Intelligence
// Assessment. Between its bands lie gaps on purpose: they are drawn empty.
type band struct {
	From, To float64
	Word     string
}

var yardstick = []band{
	{0, 0.05, "remote chance"}, {0.10, 0.20, "highly unlikely"}, {0.25, 0.35, "unlikely"}, {0.40, 0.50, "realistic possibility"},
	{0.55, 0.75, "likely or probable"}, {0.80, 0.90, "highly likely"}, {0.95, 1, "almost certain"},
}

// propositionView is a proposition and its picture.
type propositionView struct {
	Proposition
	Summary string
	Height  string
	Bands   []drawnBand
	Rows    []drawnBar
	AxisY   string
}

type drawnBand struct {
	X, Width, Mid, Height string
	Word                  []string // in lines
	Percent               string
}

type drawnBar struct {
	Name, Word         string
	TextY, Y           string
	LowX, Width        string
	MidX, MidY1, MidY2 string
	PriorX             string
}

const (
	barsLeft  = 262.0
	barsRight = 862.0
	barsTop   = 40.0
	barStep   = 30.0
)

func barX(p float64) float64 { return barsLeft + (barsRight-barsLeft)*min(max(p, 0), 1) }

func viewPropositions(in []Proposition) (out []propositionView) {
	for _, p := range in {
		v := propositionView{Proposition: p}
		if p.Off == "" && len(p.Hypotheses) > 0 {
			v.draw()
		}
		out = append(out, v)
	}
	return out
}

func (v *propositionView) draw() {
	bottom := barsTop + barStep*float64(len(v.Hypotheses))
	v.Height, v.AxisY = px(bottom+24), px(bottom+16)
	for _, b := range yardstick {
		x0, x1 := barX(b.From), barX(b.To)
		v.Bands = append(v.Bands, drawnBand{px(x0), px(x1 - x0), px((x0 + x1) / 2), px(bottom - barsTop), twoLines(b.Word),
			fmt.Sprintf("%.0f–%.0f", b.From*100, b.To*100)})
	}
	for i, h := range v.Hypotheses {
		y := barsTop + barStep*float64(i) + barStep/2
		low, high := barX(h.Low), barX(h.High)
		v.Rows = append(v.Rows, drawnBar{Name: short(h.Name, 36), Word: h.Word, TextY: px(y + 4), Y: px(y - 6), LowX: px(low), Width: px(max(high-low, 2)),
			MidX: px(barX(h.Mid)), MidY1: px(y - 10), MidY2: px(y + 10), PriorX: px(barX(h.Prior))})
	}
	v.Summary = v.tell()
}

// tell is what the picture shows, in a sentence. Confidence is stated apart.
func (v *propositionView) tell() string {
	best := v.Hypotheses[0]
	for _, h := range v.Hypotheses {
		if h.Mid > best.Mid {
			best = h
		}
	}
	if best.Low == best.High { // drawn for another hypothesis only
		return fmt.Sprintf("%s stands highest, at %.0f %%.", visible(best.Name), best.Mid*100)
	}
	return fmt.Sprintf("%s stands highest, at %.0f %%; 90 of 100 draws lie between %.0f and %.0f %%.", visible(best.Name), best.Mid*100, best.Low*100, best.High*100)
}

// twoLines breaks a word of the yardstick so that it fits over its band.
func twoLines(word string) []string {
	for i := len(word) / 2; i < len(word); i++ {
		if word[i] == ' ' {
			return []string{word[:i], word[i+1:]}
		}
	}
	for i := len(word) / 2; i > 0; i-- {
		if word[i] == ' ' {
			return []string{word[:i], word[i+1:]}
		}
	}
	return []string{word}
}
