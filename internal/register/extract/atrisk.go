package extract

import (
	"fmt"
	"slices"
	"strings"
)

// atRisk knows rows of voters at risk, whose entries are anonymous: they never leave without two approvals for each, and
// a bulk copy is not where they do.
type atRisk struct{ column int }

func riskColumn(o *Options) (atRisk, error) {
	if o.Anonymous == "" {
		return atRisk{-1}, nil
	}
	at := slices.Index(o.Source.Columns(), o.Anonymous)
	if at < 0 {
		return atRisk{-1}, fmt.Errorf("extract: there is no column %q, which marks the entries of voters at risk; take the extract from the register itself", o.Anonymous)
	}
	return atRisk{at}, nil
}

// marks tells whether a row must stay. What is not plainly no is yes.
func (a atRisk) marks(row []string) bool {
	if a.column < 0 || a.column >= len(row) {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(row[a.column])) {
	case "", "f", "false", "0", "n", "no", "off":
		return false
	}
	return true
}
