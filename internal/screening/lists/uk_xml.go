package lists

import (
	"bufio"
	"encoding/xml"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// ukDesignation is one entry of the UK Sanctions List in XML.
type ukDesignation struct {
	LastUpdated, DateDesignated, UniqueID, RegimeName, IndividualEntityShip, SanctionsImposed string

	OtherInformation string
	Reasons          string `xml:"UKStatementofReasons"`
	Names            []struct {
		Name1, Name2, Name3, Name4, Name5, Name6, NameType, AliasStrength string
	} `xml:"Names>Name"`
	NonLatin []struct {
		Text   string `xml:"NameNonLatinScript"`
		Script string `xml:"NonLatinScriptType"`
	} `xml:"NonLatinNames>NonLatinName"`
	Indicators struct {
		All []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"SanctionsImposedIndicators"`
	Countries     []string `xml:"Addresses>Address>AddressCountry"`
	Births        []string `xml:"IndividualDetails>Individual>DOBs>DOB"`
	Nationalities []string `xml:"IndividualDetails>Individual>Nationalities>Nationality"`
	BirthCountry  []string `xml:"IndividualDetails>Individual>BirthDetails>Location>CountryOfBirth"`
	Genders       []string `xml:"IndividualDetails>Individual>Genders>Gender"`
	Passports     []string `xml:"IndividualDetails>Individual>PassportDetails>Passport>PassportNumber"`
	NationalIDs   []string `xml:"IndividualDetails>Individual>NationalIdentifierDetails>NationalIdentifier>NationalIdentifierNumber"`
	Registrations []string `xml:"EntityDetails>Entity>BusinessRegistrationNumbers>BusinessRegistrationNumber"`
	IMO           []string `xml:"ShipDetails>Ship>IMONumbers>IMONumber"`
	Flags         []string `xml:"ShipDetails>Ship>CurrentBelievedFlagOfShips>CurrentBelievedFlagOfShip"`
}

// readUKXML reads the UK Sanctions List in XML.
func readUKXML(b *builder, in *bufio.Reader) error {
	return eachElement(in, func(e *element) error {
		switch e.Name.Local {
		case "DateGenerated":
			var date string
			if err := e.decode(&date); err != nil {
				return err
			}
			b.published = isoDate(strings.TrimSpace(date), DayFirst)
		case "Designation":
			var d ukDesignation
			if err := e.decode(&d); err != nil {
				return err
			}
			return b.ukDesignation(d, e.line)
		}
		return nil
	})
}

func (b *builder) ukDesignation(d ukDesignation, line int) error {
	id := tidy(d.UniqueID)
	if id == "" {
		b.lost(line, "the designation has no UniqueID and is left out")
		return nil
	}
	e, err := b.entity(id, line)
	if err != nil {
		return err
	}
	e.Kind = kindOf(d.IndividualEntityShip)
	for _, n := range d.Names {
		b.ukName(e, ukName{given: [5]string{n.Name1, n.Name2, n.Name3, n.Name4, n.Name5}, family: n.Name6, kind: n.NameType, strength: n.AliasStrength}, line)
	}
	for _, n := range d.NonLatin {
		b.name(e, screening.Name{Text: n.Text, Kind: screening.NameOriginalScript, Script: isoScript(n.Script)}, line)
	}
	for _, text := range d.Births {
		b.birth(e, text, DayFirst, line)
	}
	addTo(&e.Nationalities, d.Nationalities...)
	addTo(&e.Countries, d.Countries...)
	addTo(&e.Countries, d.BirthCountry...)
	addTo(&e.Countries, d.Flags...)
	for _, g := range d.Genders {
		e.Gender = genderOf(g)
	}
	b.identifiers(e, "passport", d.Passports)
	b.identifiers(e, "national id", d.NationalIDs)
	b.identifiers(e, "registration", d.Registrations)
	b.identifiers(e, "imo", d.IMO)
	b.imposed(e, d.SanctionsImposed)
	b.ukIndicators(e, d)
	b.program(e, d.RegimeName)
	b.remark(e, d.Reasons)
	b.remark(e, d.OtherInformation)
	e.Updated = isoDate(d.LastUpdated, DayFirst)
	return nil
}

func (b *builder) identifiers(e *screening.Entity, kind string, values []string) {
	for _, v := range values {
		b.identifier(e, kind, v, "")
	}
}

// ukIndicators reads the measures that are given as <AssetFreeze>true</AssetFreeze>, where
// the text beside them names none.
func (b *builder) ukIndicators(e *screening.Entity, d ukDesignation) {
	if tidy(d.SanctionsImposed) != "" {
		return
	}
	for _, i := range d.Indicators.All {
		if strings.EqualFold(strings.TrimSpace(i.Text), "true") || strings.TrimSpace(i.Text) == "1" {
			b.imposed(e, apart(i.XMLName.Local))
		}
	}
}

// apart writes "AssetFreeze" as "Asset freeze".
func apart(camel string) string {
	var s strings.Builder
	for i, r := range camel {
		if i > 0 && r >= 'A' && r <= 'Z' {
			s.WriteByte(' ')
			r += 'a' - 'A'
		}
		s.WriteRune(r)
	}
	return s.String()
}
