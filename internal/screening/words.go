package screening

import (
	_ "embed"
	"strings"
	"sync"
)

// The tables below are facts about usage. None is complete; a word that is missing
// costs a little score and never a candidate.

// org_types.txt lists legal forms as companies write them, by what they mean: a
// limited company is "llc" whether it calls itself GmbH, ООО or Sp. z o.o. Facts
// from the OpenSanctions project's table of organisation types (MIT), without its
// misspellings of forms of more than six words.
//
//go:embed org_types.txt
var orgTypeTable string

// titles are forms of address, degrees and ranks.
var titles = set(`dr dra prof professor doctor doktor mr mrs ms miss mx sir dame lord lady baron baroness count countess rt hon honourable he hh rev reverend fr father
 herr frau monsieur madame mme mlle maitre me signor signora sig don dona senor senora sr sra senhor senhora pan pani gospodin mevrouw meneer mw dhr
 sheikh shaikh shaykh sheik cheikh haji hajji hadji haj hajj hajja mullah mulla molla maulavi mawlawi maulawi mawlavi moulavi maulana mawlana molvi qari ustad ustaz sayed sayyid sayyed
 sayyad syed seyyed alhaj alhajj ayatollah hojatoleslam imam khwaja engineer eng ing
 general gen major maj colonel col lieutenant lt captain capt brigadier brig commander cmdr sergeant sgt admiral marshal general-major
 president prasident presidente minister senator deputy mp mep governor ambassador judge justice director chairman chief secretary
 jr sr junior senior phd md mba esq ii iii iv late
 г др проф доктор профессор генерал полковник господин الدكتور الشيخ السيد الحاج د دكتور شيخ حاج حاجي ملا مولوي قاري سيد سید مولانا 先生 女士 博士 教授 님 씨`)

// particles join names or go with them, and come and go.
var particles = set(`von van der den de del della di da dos das do du des la le los las el al ul ur ud bin ibn ben bint bent ould uld wuld ag af av abu zu zum zur ter ten te
 ap ab mac o y e i und and the of for na st ash as at es ad an ar az binti bte oglu ogly kyzy qizi uulu пан де фон аль ибн бин эль ад ас аш ال بن ابن بنت آل او و ו בן בת של`)

// sameWords are one word under many spellings which no rule of romanisation joins.
var sameWords = newSameWords(`
abdul abdel abdal abdoul abdur abdus abdud abdun abd abdol abdull abdula
bin ben ibn
al el ul
abu abou abo
muhammad mohammed mohamed mohammad muhammed mohamad mahomed mehmed mohamud mohd muhamad mohamet mohammod mukhammad magomed
aleksandr alexander aleksander alexandr oleksandr aliaksandr alexandre alessandro alejandro iskandar
aleksei alexei aleksey alexey alexej oleksiy oleksii
andrei andrey andrej andriy andrii andrew andreas andre
dmitry dmitri dmitriy dmytro dimitri
elena yelena olena helena
evgeny yevgeny evgeniy yevgeniy yevhen evgenii eugene
georgy georgi georgiy heorhiy george georgios
grigory grigoriy hryhoriy gregory
igor ihor
mikhail mykhailo mykhaylo michail michael
nikolai nikolay mykola nicholas nikolaus
pavel pavlo paul
pyotr petr petro peter
sergei sergey sergej serhiy siarhei sergii sergejs
vladimir volodymyr wladimir uladzimir wolodymyr
yuri yury iurii yuriy juri
vasily vasiliy vasyl
viktor victor wiktor
yusuf youssef yousef yousuf joseph yosef yousif yusif yussuf
hussein husain hussain husayn hossein husein huseyn houssein hosein
osama usama ussama oussama
yaakov jacob yakov yaqub yaqoub
organization organisation
center centre zentrum centro
intl international internationale internacional internazionale
co company
dept department
univ university universite universitat universidad
mfg manufacturing
bros brothers
govt government
tech technology technologies
ind industries industry industrial
bank banque banco banca
group gruppe groupe grupo
first 1st
`)

func newSameWords(table string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		f := strings.Fields(line)
		for _, w := range f {
			m[w] = f[0]
		}
	}
	return m
}

// nicknames: each line is a given name and its short forms.
var nicknames = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(nicknameTable)) {
		full, shorts, _ := strings.Cut(line, ":")
		for _, s := range strings.Fields(shorts) {
			m[s] = append(m[s], strings.Fields(full)...)
		}
	}
	return m
})

const nicknameTable = `
aleksandr alexander: sasha alex sascha shura alec sandy
aleksei alexei: alyosha lyosha
anatoly: tolya
andrew: andy drew
anthony antonio: tony
barack: barry
barbara: barb babs
benjamin: ben benny benji bibi
catherine katherine: kate katie cathy kathy kitty
charles: charlie chuck chas
christopher: chris kit topher
daniel: dan danny
david: dave davy
deborah: debbie deb
dmitry: dima mitya
donald: don donnie
edward: ed eddie ted ned teddy
elizabeth: liz beth betty lizzie eliza
evgeny: zhenya
francis: frank fran
francisco: paco pancho
frederick friedrich: fred freddy fritz
gerald: gerry jerry
gregory: greg
harold henry: harry hal
ivan: vanya
jacob: jake
james: jim jimmy jamie
jennifer: jen jenny
jonathan: jon
john: jack johnny
jose: pepe
joseph: joe joey
joshua: josh
kenneth: ken kenny
kim: kimmy
konstantin: kostya
lawrence: larry
leonard: len lenny
margaret: maggie meg peggy
matthew: matt
michael: mike mick mickey
mikhail: misha
nicholas: nick nicky
nikolai: kolya
patricia: pat patty
patrick: pat paddy
pavel: pasha
peter: pete
philip phillip: phil
rebecca: becky
richard: dick rich rick ricky
robert: bob bobby rob robbie bert
roberto: beto
ronald: ron ronnie
samuel: sam sammy
sergei: seryozha
stephen steven: steve
susan: sue suzy
svetlana: sveta
theodore: ted teddy theo
thomas: tom tommy
timothy: tim timmy
victoria: vicky
vladimir: vova volodya vlad
william: bill billy will willy liam
yuri: yura
zachary: zach zack
`

// generic words say what an organisation does or where; many share them.
var generic = set(`international group holding holdings trading trade company companies industries industry industrial enterprise enterprises services service solutions systems system technology
 technologies development investment investments invest capital partners partner fund funds bank banking financial finance management consulting consultants engineering construction shipping
 marine maritime transport transportation logistics foundation association organization institute center national general state federal republic global world united commercial business import
 export petroleum oil gas energy power products production manufacturing factory plant research science sciences scientific university college school committee council ministry department
 office bureau agency authority union front movement army brigade group party islamic medical health food foods pharmaceutical chemical chemicals electronics electronic electric security trust
 insurance real estate properties property aviation airlines airways air aerospace motor motors steel mining metals media communications telecom network networks data software information
 digital design design private public joint limited branch north south east west northern southern eastern western central new great first relief charity charitable society network cooperative
 equipment machinery supply building materials vessel ship tanker mv mt ms ss fishing street corporation series loan asset securities mortgage complex
 мебель центр группа завод институт банк фонд общество организация объединение союз комитет министерство управление общественная областная республики научно производственное предприятие`)

// common words of names by how many people bear them, roughly one in a hundred of those
// whose language it is (the first table) and one in a thousand (the second). From published
// censuses' and registers' lists of the most frequent names.
var (
	veryCommon = set(`muhammad ahmed ahmad ali hassan hasan hussein omar umar ibrahim abdullah abdallah abdul yusuf khan singh kumar maria jose juan john david michael james mary robert william
 wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu kim lee park choi jung nguyen tran le pham garcia rodriguez martinez hernandez lopez gonzalez perez smith johnson williams brown jones
 davis miller silva santos oliveira souza aleksandr sergei vladimir ivanov andrei aleksei dmitry anna elena
 thomas peter paul daniel george joseph charles richard christopher wei fatima aisha begum devi bibi`)
	fairlyCommon = set(`mahmoud mahmud mustafa khalid said saeed mohamud hamid karim rahman salih saleh salim salem nasser nasir jamal kamal tariq hamza bilal zaid zayd malik rashid rahim aziz majid hakim latif ghani qadir jabbar sattar bashir nur noor habib amin anwar
 faisal walid waleed ismail ismael yahya musa isa dawud daud sulaiman suleiman haroon harun idris ayub yaqub zakaria jaber jabir adel adil samir ammar akram ashraf imran usman othman uthman osman
 abbas haider jafar reza mahdi mehdi hadi taha nabil fadel fadil ghulam gul jan shah wali din ud zahra maryam zainab khadija layla abu umm akhund agha mohammadi ahmadi hosseini rezaei karimi moradi rahimi jafari ebrahimi hashemi amiri sadeghi mousavi akbari hamidi
 raza iqbal hashmi sheikh mirza begum ansari siddiqui qureshi butt chaudhry patel sharma gupta verma yadav reddy rao das roy sen ghosh kaur lal ram prasad chand
 smirnov kuznetsov popov petrov sokolov mikhailov novikov fedorov morozov volkov alekseev lebedev semenov egorov pavlov kozlov stepanov nikolaev orlov andreev makarov zakharov nikolai mikhail yuri
 viktor igor oleg pavel roman ivan maksim anton denis kirill konstantin artem nikita evgeny anatoly valery vasily grigory boris gennady vitaly vyacheslav leonid stanislav ruslan rustam timur
 ivanovich petrovich nikolaevich vladimirovich aleksandrovich sergeevich viktorovich mikhailovich alekseevich andreevich dmitrievich yurievich anatolievich vasilievich magomedovich
 olga tatiana irina natalia svetlana ekaterina marina yulia galina ludmila
 ming jun jie lei hong xin ying min ping yan hui tao gang bin bo hao peng fei yong qiang jing li hua guo lin he gao luo zheng liang xie song tang deng han feng cao zeng peng xiao cai pan tian dong yuan yu ye du su
 jiang wei cheng lu ding shen ren yao zhong cui tan fan jin liao shi jia xiong bai meng qin qiu hou shao
 jong yong song chol hyok il myong sung young hyun jin ho su kwang pak choe ri kang cho yun jang im han oh so sin kwon
 taylor wilson anderson moore martin jackson thompson white harris clark lewis robinson walker hall allen young king wright scott green baker adams nelson hill campbell mitchell roberts carter
 mark steven andrew kenneth brian kevin edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin frank scott patricia jennifer linda elizabeth barbara susan
 jessica sarah karen lisa nancy margaret sandra ashley emily laura
 jean pierre michel andre philippe alain marie francois bernard dubois durand muller schmidt schneider fischer weber meyer wagner becker hans klaus wolfgang karl heinz
 carlos luis jesus manuel antonio francisco miguel pedro alejandro fernando jorge ricardo eduardo rafael sanchez ramirez torres flores rivera gomez diaz reyes morales cruz ortiz gutierrez chavez
 ramos ruiz alvarez mendoza vasquez castillo jimenez moreno romero herrera medina castro vargas fernandez guzman ana rosa carmen
 pereira costa rodrigues almeida ferreira alves lima gomes ribeiro carvalho joao paulo
 mehmet fatma ayse emine yilmaz kaya demir sahin celik yildiz
 van thi hoang phan vu vo dang bui do ngo duong minh anh
 bar cohen levi moshe yosef abraham sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato`)
)

// bearers is the share of people, among those whose language it is, with this word in
// their name, as a power of ten: -2 is one in a hundred.
func bearers(w string) float32 {
	switch {
	case veryCommon[w]:
		return -2
	case fairlyCommon[w]:
		return -3
	case generic[w]:
		return -2.2
	}
	return -5
}

// numberWords in the languages whose lists use them.
var numberWords = pairs(`zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 eleven 11 twelve 12 thirteen 13 fourteen 14 fifteen 15 sixteen 16 seventeen 17
 eighteen 18 nineteen 19 twenty 20 thirty 30 forty 40 fourty 40 fifty 50 sixty 60 seventy 70 eighty 80 ninety 90 hundred 100
 first 1 second 2 third 3 fourth 4 fifth 5 sixth 6 seventh 7 eighth 8 ninth 9 tenth 10 eleventh 11 twelfth 12
 ii 2 iii 3 iv 4 vi 6 vii 7 viii 8 ix 9 xi 11 xii 12 xiii 13 xiv 14 xv 15 xvi 16 xvii 17 xviii 18 xix 19 xx 20 xxi 21 v 5 x 10 i 1`)

// phrases are runs of words that read as one: legal forms, and short forms whose long
// form is another run.
var phrases = sync.OnceValue(func() *phraseTable {
	t := &phraseTable{legal: map[string]string{}, first: map[string]int{}}
	for line := range strings.Lines(orgTypeTable) {
		class, forms, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for _, f := range strings.Split(forms, "; ") {
			words := strings.Fields(f)
			for i, w := range words {
				words[i] = withoutMarks(fold(w), scriptOfWord(w))
			}
			t.legal[strings.Join(words, " ")] = class
			t.first[words[0]] = max(t.first[words[0]], len(words))
		}
	}
	return t
})

type phraseTable struct {
	legal map[string]string // phrase to class
	first map[string]int    // first word to the length of the longest phrase that begins with it
}

// longForms are abbreviations of words that lists spell out.
var longForms = map[string][]string{"us": {"united", "states"}, "usa": {"united", "states"}, "uk": {"united", "kingdom"}, "un": {"united", "nations"}, "uae": {"united", "arab", "emirates"}}
