package copies

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"portcullis.example/portcullis"
)

// Rule is the rule of the findings.
const Rule = "register/copy@1"

// technique is ATT&CK's Data from Information Repositories.
const technique = "T1213"

// Event is what was seen, as an OCSF File System Activity (class 1001) of OCSF 1.3. The same
// copy, unchanged, is the same event.
func (c *Copy) Event(at time.Time) portcullis.Event {
	const read = 2
	detail, err := json.Marshal(map[string]any{
		"class_uid": 1001, "class_name": "File System Activity", "category_uid": 1, "category_name": "System Activity",
		"activity_id": read, "activity_name": "Read", "type_uid": 1001*100 + read, "time": at.UnixMilli(), "severity_id": int(c.severity()), "message": c.Summary(),
		"metadata": map[string]any{"version": "1.3.0", "product": map[string]string{"name": "Portcullis", "vendor_name": "Portcullis", "feature": Rule}},
		"file":     map[string]any{"path": c.Path, "name": c.Path, "type_id": 1, "size": c.Size, "modified_time": c.Modified.UnixMilli()},
		"unmapped": map[string]any{"of": c.Of, "shape_rows": c.ShapeRows},
	})
	if err != nil {
		detail = nil
	}
	return portcullis.Event{ID: portcullis.NewID("event", c.key()...), Sensor: "register", Time: c.Modified, Recorded: at, Detail: detail}
}

func (c *Copy) key() []string {
	return []string{"register", Rule, c.Path, strconv.FormatInt(c.Size, 10), c.Modified.Format(time.RFC3339)}
}

func (c *Copy) severity() portcullis.Severity {
	switch n := c.Voters(); {
	case c.Leaked() != "" || n >= 1000:
		return portcullis.High
	case len(c.Of) == 0 && n < 1000:
		return portcullis.Low
	}
	return portcullis.Medium
}

// Finding is what is stated of a copy.
func (c *Copy) Finding(at time.Time) portcullis.Finding {
	f := portcullis.Finding{
		ID: portcullis.NewID("finding", c.key()...), Rule: Rule, Time: at, Attention: portcullis.Targeted, Severity: c.severity(), Confidence: 97,
		Technique: technique, Summary: c.Summary(),
		Evidence: []portcullis.Evidence{{Event: portcullis.NewID("event", c.key()...), Part: c.Path, Start: int(max(0, c.First)), End: int(max(0, c.First)), Note: "the first voter's record, in the text of the file"}},
	}
	if len(c.Of) == 0 {
		f.Confidence = 75
		f.Unknown = []string{"whose records these are: no filter of the register was given, or none knows them"}
	}
	return f
}

// Summary says it in one sentence.
func (c *Copy) Summary() string {
	leaked := ""
	if name := c.Leaked(); name != "" {
		leaked = fmt.Sprintf(" Honey voters say that it was taken from %s.", name)
	}
	for _, p := range c.Of {
		if p.Honey {
			continue
		}
		return fmt.Sprintf("In %s lie the records of %d of the %d voters of %s.%s", c.Path, p.Voters, p.All, p.Label, leaked)
	}
	if leaked != "" {
		return fmt.Sprintf("In %s lie honey voters.%s", c.Path, leaked)
	}
	return fmt.Sprintf("In %s lies a list of %d people born between %d and %d that looks like a register.", c.Path, c.ShapeRows, c.From, c.To)
}
