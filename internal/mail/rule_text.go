package mail

import (
	"fmt"
	"math"
	"strings"

	"portcullis.example/portcullis"
)

// What a learned model makes of the words (textmodel.go). It is one piece of
// evidence among others: alone it can neither tag a mail nor clear one that the
// other rules have reason to tag.
var textRule = Rule{
	Name: "mail/text", Version: 1, Technique: "T1566", Judge: judgeText,
	About: "What a model trained on reported and legitimate mail makes of the words.",
}

const (
	textMost  = 45 // points a bad text adds
	textLeast = -25
	perBad    = 7.0 // points per unit of log-odds: thirty to one gives 24
	perGood   = 3.0 // less, for it costs an attacker little to write plainly
)

func judgeText(in *Input) []Statement {
	if in.model == nil {
		return nil
	}
	odds, strongest := in.model.Score(in)
	per := perBad
	if odds < 0 {
		per = perGood
	}
	points := int(math.Round(max(textLeast, min(textMost, odds*per))))
	if points == 0 {
		return nil
	}
	s := Statement{Key: "text", Points: points, Confidence: portcullis.Confidence(min(90, 20+math.Abs(odds)*10))}
	var words []string
	for _, f := range strongest {
		if (f.Weight > 0) == (points > 0) {
			words = append(words, fmt.Sprintf("%q (%+.2f)", f.Name, f.Weight))
		}
	}
	verdict := "like mail that was reported"
	if points < 0 {
		verdict = "like legitimate mail"
	}
	s.Summary = fmt.Sprintf("Its words read %s (log-odds %+.1f): %s.", verdict, odds, strings.Join(words, ", "))
	s.Evidence = []portcullis.Evidence{{Part: in.textPath(), Note: "model " + shortVersion(in.model.Version())}}
	s.Flip = "other words: without the strongest ones above the model would be undecided"
	return []Statement{s}
}

func shortVersion(v string) string { return v[:min(12, len(v))] }
