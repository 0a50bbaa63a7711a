package message

import (
	"strconv"
	"strings"
)

// colour is 0xRRGGBB, or one of the two below.
type colour int32

const (
	unknownColour colour = -1
	transparent   colour = -2
)

// near reports whether nobody can tell the two apart.
func near(a, b colour) bool {
	if a < 0 || b < 0 {
		return false
	}
	const step = 8
	for shift := 0; shift <= 16; shift += 8 {
		d := int(a>>shift&0xff) - int(b>>shift&0xff)
		if d > step || d < -step {
			return false
		}
	}
	return true
}

// colourAttr reads the colour attributes of old HTML, where # may be missing.
func colourAttr(s string) colour {
	s = strings.TrimSpace(s)
	if len(s) == 6 && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		s = "#" + s
	}
	return parseColour(s)
}

// parseColour knows hex, rgb() and the names that mails use.
func parseColour(s string) colour {
	s = strings.TrimSpace(s)
	if s == "" {
		return unknownColour
	}
	if s[0] == '#' {
		return hexColour(s[1:])
	}
	if len(s) > 4 && strings.EqualFold(s[:3], "rgb") {
		return rgbColour(s)
	}
	switch strings.ToLower(s) {
	case "transparent":
		return transparent
	case "white":
		return 0xffffff
	case "black":
		return 0
	case "red":
		return 0xff0000
	case "blue":
		return 0x0000ff
	case "green":
		return 0x008000
	case "yellow":
		return 0xffff00
	case "gray", "grey":
		return 0x808080
	case "silver":
		return 0xc0c0c0
	case "navy":
		return 0x000080
	case "maroon":
		return 0x800000
	case "whitesmoke":
		return 0xf5f5f5
	case "snow":
		return 0xfffafa
	case "ivory":
		return 0xfffff0
	case "lightgray", "lightgrey":
		return 0xd3d3d3
	}
	return unknownColour
}

func hexColour(digits string) colour {
	n, err := strconv.ParseUint(digits, 16, 32)
	switch {
	case err != nil:
		return unknownColour
	case len(digits) == 3:
		r, g, b := n>>8&0xf, n>>4&0xf, n&0xf
		return colour(r*0x110000 + g*0x1100 + b*0x11)
	case len(digits) == 6:
		return colour(n)
	case len(digits) == 8 && n&0xff == 0:
		return transparent
	case len(digits) == 8:
		return colour(n >> 8)
	}
	return unknownColour
}

// rgbColour reads rgb(1, 2, 3) and rgba(1, 2, 3, 0.5).
func rgbColour(s string) colour {
	open, end := strings.IndexByte(s, '('), strings.IndexByte(s, ')')
	if open < 0 || end < open || end > 64 {
		return unknownColour
	}
	parts := strings.FieldsFunc(s[open+1:end], func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	if len(parts) < 3 {
		return unknownColour
	}
	var c colour
	for _, p := range parts[:3] {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n > 255 {
			return unknownColour
		}
		c = c<<8 | colour(n)
	}
	if len(parts) > 3 {
		if f, err := strconv.ParseFloat(strings.TrimSuffix(parts[3], "%"), 64); err == nil && f < 0.02 {
			return transparent
		}
	}
	return c
}

// backgroundColour finds the colour in a background shorthand. An image or a
// gradient covers it, so then the colour is unknown.
func backgroundColour(value string) colour {
	value = strings.TrimSpace(value)
	if c := parseColour(value); c != unknownColour {
		return c
	}
	if strings.Contains(value, "url(") || strings.Contains(value, "gradient") {
		return unknownColour
	}
	if strings.EqualFold(value, "none") {
		return transparent
	}
	for _, w := range strings.Fields(value) {
		if c := parseColour(w); c != unknownColour {
			return c
		}
	}
	return unknownColour
}
