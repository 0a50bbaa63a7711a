package names

import (
	"strings"
	"sync"
)

// The tables below are facts about usage, collected by hand: which words stand
// beside a name without being part of it, and which short forms go with which
// given name. None is complete; each word missing costs a little score.

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// titles are forms of address, degrees, offices and words of an office or
// organisation that people write beside a name.
var titles = wordSet(`
dr dra prof profa professor professorin doctor doktor phd ph md mba ba bsc msc ma mag dipl ing llm llb jd esq jr sr ii iii iv hc habil
mr mrs ms miss mx sir dame lord lady baron baroness count countess viscount earl rt right hon honourable honorable excellency he hh rev reverend
herr frau hr fr fru fraulein monsieur madame mme mlle maitre me signor signora sig dott dottssa dottore onorevole sen on senor senora sr sra don dona d
senhor senhora pan pani pane gospodin gospodja gospod mevrouw meneer mw dhr heer drs ir sayed sheikh shaikh haji hajji ustad ustaz mullah ayatollah
bay bayan sayin khun datuk dato tan sri tun puan encik shri smt kumari
mp mps mep mdb mdl mdep mla msp ms am td teachta dala mhr mna mpp mk cllr councillor councilor alderman
senator senatorin senateur senatrice senadora senador deputy depute deputee diputado diputada deputado deputada deputato deputata onorevole poslanec
poslankyne posel poslanka kansanedustaja riksdagsledamot stortingsrepresentant folketingsmedlem kamerlid tweede kamer abgeordneter abgeordnete abg
mitglied bundestag bundestages landtag nationalrat nationalratin staenderat parlament parlament parliament parlamento parlement congress congressman congresswoman
representative rep assembly assemblymember member speaker whip chair chairman chairwoman chairperson president presidente presidentin praesident prasident
vice vize minister ministre ministro ministra ministerin staatssekretar staatssekretaer secretary secretaire state chancellor kanzler bundeskanzler premier
prime pm mayor burgermeister buergermeister maire alcalde ambassador botschafter ambassadeur embajador consul commissioner governor attorney general
judge justice chief director direktor direktorin directeur head leiter leiterin staff adviser advisor aide assistant
office buero buro bureau cabinet kabinett gabinete ufficio kancelaria team desk press presse pressestelle prensa media communications sekretariat secretariat
private privat personal persoenlich official officiel offiziell verified constituency wahlkreis committee ausschuss commission fraktion group party
the of for from in on behalf im auftrag von der des del per pour par und and et y e via at a an to mobile mobil iphone gmail email mail
депутат сенатор министр доктор профессор господин госпожа помощник пресс бюро г др проф депутатка міністр голова пан пані
βουλευτής βουλευτησ υπουργός υπουργοσ δρ κ κα κος
النائب الدكتور السيد السيدة الوزير دکتر آقای خانم نماینده د
议员 議員 部长 部長 主席 博士 教授 先生 女士 의원 국회의원 박사 장관 님 さん 様
`)

// particles belong to a surname but come and go: van der Berg, Berg.
var particles = wordSet(`von van der den de del della di da dos das do du des la le los las el al ul bin ibn ben bint abu av af zu zum zur ter ten te
ap ab mac o y e i und und the st san santa saint abd ud`)

// corporate words say what kind of company a name is and come and go as well.
var corporate = wordSet(`ltd limited inc incorporated llc plc gmbh ag sa sas sarl spa srl bv nv oy ab as aps kg corp corporation co company the of and
for der die das des du de la le les el los il et und y e & news`)

// nicknameTable: each line is a full given name, its other full spellings after
// slashes, and its short forms.
const nicknameTable = `
abigail: abby abbie gail
abraham: abe bram
adalbert: bert
adelaide: addie heidi
agnieszka: aga agusia
albert/alberto: al bert bertie berto
aleksandr/alexander/aleksander/alexandre/alessandro/alejandro/oleksandr/alexandros/aliaksandr: alex alec al sasha sascha sacha xander sandy sandro ale alexis oles olek alik shura
alexandra/aleksandra/alessandra/alejandra/oleksandra: alex sasha sandra lexi ale ola sandy
alexei/aleksey/alexey/aleksei/oleksiy/oleksii: alyosha lyosha aljoscha
alfred/alfredo: alf fred alfie freddy
alfonso: fonso poncho
amanda: mandy manda
anastasia/anastasiya/anastasiia: nastya asya stacy nastja
anatoly/anatoli/anatoliy: tolya tolja
andrew/andrei/andrey/andrej/andriy/andrii: andy drew andryusha drei
andreas: andi andy anders
angela/angelika: angie geli angi
anna/hanna: annie anya anja anni ania anka anushka nyura
anthony/antony/antonio/antoine/anton/antonin: tony toni toño nino tonda tonio
antonia/antonina: toni tonia tonya
archibald: archie
arthur/arturo/artur: art artie arti
barbara: barb babs barbie basia bara bärbel babsi varya
bartholomew/bartosz/bartłomiej/bartolomeo: bart bartek
beatrice/beatriz/beatrix: bea trixie bee bice
benedikt/benedict: ben bene
benjamin/benjamín: ben benny benni benji benja
bernard/bernhard/bernardo: bernie bernd berni
boris: borya
brigitte/bridget: gitte gitta biddy britta
cameron: cam
carla/carlotta: lotta
carlos: carlitos charly
caroline/carolina/karoline/karolina: caro carrie lina karo line
catherine/katherine/kathryn/katharina/catalina/caterina/katarina/ekaterina/yekaterina/kateryna/katarzyna: kate cathy kathy katie kat kit kitty cat katya katja katia kati käthe kasia trina kathi cate rina
charles/karl: charlie chuck chas kalle chip
charlotte: lottie charlie lotte charly
christian/cristian/kristian: chris christie kris
christina/christine/kristina/cristina/kirsten: chris tina chrissy christl kris cris kristi stina
christopher/christoph/christophe/cristobal/krzysztof/kristoffer: chris kit topher kris stoffel toph krzysiek
clara/klara: klärchen
claudia: claudi
constantine/konstantin/konstantinos/kostiantyn: kostya kostja costa dinos kostas conny
cornelia: conny nelly nele
cynthia: cindy
dagmar: daggi
daniel/daniil/danilo/danylo: dan danny dani danya
daniela/danielle: dani danni ela
david/davide: dave davy davey davi
deborah/debora: deb debbie debby
denis/denys: den denny
dennis: denny den
diana: di
dieter/dietrich: didi
dimitrios/dimitris: mitsos dimi takis
dmitry/dmitri/dmitrij/dmytro/dimitri/dmitriy: dima mitya mitja dimka
dolores: lola
dominik/dominic/dominique: dom nick domi
donald: don donnie
dorothy/dorothea/dorota: dot dottie dolly dora thea doro
douglas: doug
eduard/edward/edouard/eduardo/edoardo: ed eddie ted ned edi eddy lalo edek
edmund: ed ted
eleanor/eleonore/eleonora: nell nora ellie lena norah lore
elena/helena/helen/helene/olena: lena lenka nell leni hela nelly alyona
elizabeth/elisabeth/elisabetta/elżbieta/elizaveta/yelizaveta: liz lizzie beth betty eliza lisa betsy libby bess lise elsa ela liza sissi lisbeth elise bettina lilibet
emanuel/emmanuel/manuel: manny manu manolo
emily/emilia: em millie emmy emi mila
emil: milo
enrico: rico
enrique: quique kike
ernst/ernest/ernesto: ernie erni
esther/ester: essie hettie
eugene/evgeny/evgeni/yevgeny/evgenii/yevhen/jewgeni: gene zhenya shenja schenja
eva/ewa: evi evchen
eve: evie
fatima/fatma: fati
felicitas/felicity: feli fliss
ferdinand/fernando: ferdi nando fer
frances/francesca/francisca/franziska/franciszka: fran franny franzi cesca fanny kika paca frankie sissi
francis/francisco/franz/francesco/françois: frank fran paco pancho franzl cesco ciccio franky kiko
frederick/friedrich/frederik/frédéric/federico/fryderyk: fred freddie fritz rick fede freddy rik
gabriel: gabe gabi gab
gabriele/gabriela/gabriella/gabrielle: gabi gaby ella gaia
galina/halyna: galya halya
gennady/gennadiy/hennadiy: gena
geoffrey/jeffrey: geoff jeff
georg/george/jorge/giorgio/georges/georgios/georgy/georgi/jerzy/heorhiy/georgiy: georgie schorsch yorgos gosha zhora jurek jörg gio
gerald/gerard/gerhard/gerardo: gerry jerry gerd gert hardy gero
gertrud/gertrude: trude gerti trudy traudl
gillian: jill gill
gottfried: friedl
gregory/grigory/gregor/gregorio/grzegorz/grigori/hryhoriy: greg gregg grisha gregi goyo grzesiek grischa
guillermo: memo guille
gunther/günter/günther: günni
gustav/gustavo: gus gusti tavo
hannah: han hanni
hans/johannes: hansi hannes jo hanno
harold/harald: hal harry
heinrich/henry/henri/hendrik/henrik/henryk: hank harry hal heinz heini heiner hein rik henk henni heniek
herbert: herb bert heribert
hermann: manni hermi
hubert/humbert: bert hubi
ignacio/ignaz/ignatius: nacho iggy
igor/ihor: gosha
ilya/illia: ilyusha
ingeborg: inge inga
irina/irene/iryna/irena: ira rina irka reni
isabella/isabel/isabelle: bella isa izzy belle ibby
ivan: vanya wanja vanja
jacob/jakob/jacques/jakub/jacobo: jake jack kuba köbi jaap jakey coby
jacqueline: jackie jacky
james/jaime: jim jimmy jamie jem jimbo
jana: janka
janet/jeanette: jan netta nettie
jennifer: jen jenny jenna
jeremy/jeremiah: jerry jem jez
jessica: jess jessie
joachim/joaquin/joaquín: jochen achim jo quino
joanna/johanna/joanne/giovanna: jo hanna asia joan josie gianna hanne
johann: hans jo hannes
john/jan/jean/juan/giovanni/ioannis: jack johnny jon gianni vanni yannis juanito jonny janek giannis nino
jonathan/jonatan: jon jonny nathan jonti
joseph/josef/josé/giuseppe/józef/yosef/jose: joe joey jo sepp pepe beppe jupp pepi chepe peppe josie
josephine/josefina/josefine: jo josie fina sefa pepita finchen
joshua: josh
judith: judy judi jutta
julia/yulia/julie/juliana/giulia/yuliya/iuliia: jule jules julchen yulya giuli julka
julian/julio/julius/giulio: jules jul
jürgen/juergen: jogi
kenneth: ken kenny
kimberly: kim
konrad/conrad: conny kurt con
larissa/larisa: lara
laura: lauri laurie lolly
lawrence/laurence/lorenz/lorenzo/laurent/lars: larry laurie lenz lori renzo
leonard/leonardo/leonhard/leonid: leo len lenny lenya nardo leni hartl
leopold: leo poldi
louis/ludwig/luis/luigi/lewis/ludwik: lou louie lutz wiggerl gigi wiggo gino lucho
louise/luise/luisa: lou lulu lu isa
lubov/lyubov: lyuba
ludmila/lyudmila/liudmyla: mila lyuda luda
lucas/lukas/łukasz/luca: luke luki
lucia/lucy/lucie: lu luce
madeleine/magdalena/maddalena: maddie lena magda leni made lenchen
magnus: mange
manfred: manni fred mani
marcel: marci
margaret/margarete/margarita/margherita/małgorzata/marguerite/margareta: maggie meg peggy greta gretel marge rita margo grete gosia margot madge daisy
maria/marie/mary/mariya/mariia: mia mitzi molly polly masha mascha marika mimi ria maryla manya mascha marusya
marianne/marianna/mariana: nanni janne
martha/marta: marti
martin/marcin/martino/martín: marty tino mart
martina: tina marty
mateusz: mati
matthew/matthias/mateo/matteo/mathieu/matthäus: matt matty mats matze hias teo mathis
maurice/moritz/mauricio/maurizio: mo momo mauri
maximilian/maxim/maximiliano/massimiliano/maksim/maksym: max maxi maxl
melanie: mel melli
melissa: mel lissa missy
michael/michel/miguel/michele/mikhail/michał/mykhailo/mihail/mikael/michail: mike mick micky michi misha mischa mick mik migue mikey
michaela/michelle/michele: micha ela shelly mickie
mohammed/muhammad/mohamed/mehmet/mohammad: mo moh hamada hamoudi
monika/monica/monique: moni mona nica
nadezhda/nadia/nadiya/nadja: nadya
natalia/natalya/nataliya/natalie/natalija: nat nata natasha natascha natasa
nathaniel/nathan/nathanael: nat nate
nicholas/nikolaus/nicolas/nikolai/nikolay/mykola/nicola/niklas/nikolaos/mikołaj: nick nik nicky klaus niko nico kolya kolja nikos klaas claus
nicole/nicola: nicky nikki nici
norbert: bert nobby
octavio/oktavian: tavo tavi
olaf: ole
oliver/olivier/oliviero: ollie oli noll
olga/olha: olya olja olenka
oscar/oskar: ossi ozzie
oswald/osvaldo: ossi oz waldo
pamela: pam
pascal: pascha
patricia/patrizia: pat patty trish tricia patsy pati
patrick/patricio/patryk: pat paddy rick pato
paul/pavel/pablo/paolo/pavlo/paweł/paulo: pauli pasha pauly pavlik
paula/pauline/paulina: pauli paulchen polly lina
penelope: penny pip nel
peter/pedro/pietro/pierre/petr/pyotr/petro/piotr/pieter/petros: pete petey piet petya perico piero pit pjotr
petra: pe
philip/philipp/phillip/felipe/filippo/philippe/filip: phil pip flip lippo pippo
raymond/raimund/ramon/raimondo: ray mundi moncho
rebecca/rebekka: becky bec becca bekki
reinhard/reinhold: reini holdi
rebekah: becky
renate/renata: reni nata
ricardo/richard/riccardo/ryszard: rick dick rich ricky richie rico cardo rysiek
robert/roberto/rupert/ruprecht: bob bobby rob robbie bert robin beto berto rupi robby robi tito
rodrigo: rodri
roland/rolando: rolli rollo orlando
roman: roma romka
ronald/ronaldo: ron ronnie ronny
rosa/rosalie/rosemarie/rosemary/rosalia: rosie rosi romy rose
rudolf/rodolfo/rudolph: rudi rudy rolf dolf fito
sabine/sabina/sabrina: bine biene bina sabi
salvatore/salvador: toto totò turi salva chava
samantha: sam sammy
samuel/samuele: sam sammy sami
sandra: sandy sandi
sara/sarah: sally sadie sari
sebastian/sebastián/sébastien/sebastiano: seb basti bastian seba bas
sergey/sergei/sergej/sergio/serhiy/serhii/serge/siarhei: seryozha serjoscha serg
siegfried/sigfrid: sigi siggi fred
sigrid: siri sigi
simon/simone/szymon: si sim sy
simona: mona
sofia/sophie/sophia/sofiya/zofia: sonya sonja sopherl fia zosia sophe sonia fifi
stanislav/stanisław/stanislaus/stanislas/stanislaw: stan stas stasiek staszek
stefan/stephan/stephen/steven/stéphane/stefano/esteban/stepan/štěpán/szczepan: steve stevie steffen steph stef fano fane
stefanie/stephanie/stefania: steffi steph stef fanny
susanne/susan/suzanne/susanna/zuzanna/zsuzsanna/susana: sue suzy sanne susi susie suse zuza sukey sanna
svetlana/svitlana: sveta lana swetlana swetja
sylvia/silvia/sylwia: sylvie silvi sylva
tamara: tami toma mara tammy
tatiana/tatyana/tetiana/tatjana: tanya tanja tania tata
teresa/theresa/therese/teresia: terry tess resi thea terka tessa resa maite tere
theodor/theodore/teodoro/fyodor/fedor: theo ted teddy fedya doro
thomas/tomas/tomás/tommaso/tomasz/tomáš: tom tommy thom tomek maso
timothy/timofey/timothée/timotheus: tim timmy timo
tobias/tobiah: tobi toby
ulrich: uli ulli ueli
ulrike: ulli uli rike riki
ursula/orsola/urszula: uschi ulla uschi ulli ursel ursi ula
valentin/valentino/valentine/valentyn: val valya tino velten
valentina: tina valya vale
valerie/valeria/valeriya: val lera vali
vasily/vassili/wassily/vasiliy/vasyl: vasya wasja
veronica/veronika/véronique/weronika: vroni ronnie vera nika vero vicka
victor/viktor/vittorio: vic vitya vik vito
victoria/viktoria/vittoria/viktoriya/wiktoria: vicky tori vika vicki tory viki
vincent/vincenzo/vicente/vinzenz: vince vinny enzo zenz vinnie chente vin
virginia/virginie: ginny gina ginger
vitaly/vitali/vitaliy/vitalii: vitalik vitya
vladimir/wladimir/volodymyr/włodzimierz/uladzimir: vova volodya wolodja wowa vlad vlado vladi
vladislav/vladyslav/władysław/wladislaw: vlad vladik slava władek
vyacheslav/viacheslav: slava
walter/gualtiero/valter: walt wally walti wat
waldemar: waldi
werner/verner: werni
wilhelm/william/guillaume/guglielmo/willem/vilém: will bill billy willy willi liam wim helm memo pim wil wills
wilhelmine/wilhelmina: minna mina billie minnie helma
wojciech: wojtek
wolfgang: wolfi wolf
xaver/xavier/javier: xavi javi veri
yaroslav/jaroslav/jarosław: slava jarda jarek yarik
yuri/yury/juri/yuriy/iurii/yurii: yura jura
yves: yvi
yusuf/yousef/youssef/josip: sufi
zachary/zacharias: zach zack
zinaida: zina
`

// commonGiven are further given names frequent enough that one letter's
// difference between two of them is two people, not a slip.
var commonGiven = wordSet(`ana anne annette anja antje astrid birgit bettina britta carmen carola carol carole chiara chloe clemens cornelius dana dora doris
edith elif elisa ella ellen elke elsa emma eric erik erika esra eva fabian fabio felix finn fiona flora florian frank gina giulia gloria grace greta gudrun guido guy hana heather heidi
heike helga holger hugo ida ignas ilse ines inga ingo ingrid iris jackson jaden jakob janine jarl jens jill joan joel jonas jordan josephine jule julien jonna juan kai karen karin karla karsten katrin kay keith
kerstin kevin kirk klaus knut kurt lara laurin leon leonie lea leah liam lidia lilly lily lina linda lisa lola lorena louisa luca lucas lucia luna lutz lydia lynn maja malte mara marc marcel marco marcos marcus marek mariam mariana marina
mario marion marius mark marko markus marlene maren marisa marit mathilda matilda maya meike mia mila milan mina mira miriam mirko mona nadine nancy nele nils nina noah noel nora norma olivia oskar otto pascal pia rahel ralf ralph
ramona rachel raphael rasmus regina reiner rene rita robin roger rolf ron ronja rosa rosalind ruben ruth ryan sam samir sanna saskia sean selina selma sven silke simone sina sonja sonya sophia stella stina svenja swen susi tanja
tania tara theo theresa thea till tim tina tobias tom toni uwe ute valeria vera viola vivian vivien volker wanda wendy yara yasmin yvonne zoe zora aisha amina amir ali ahmed ahmad hassan hussein hasan omar osman khalid khaled layla leila
mariam maryam nour noor rami samira sami yasser zahra zainab reza ehsan farid jamal kamal karim kareem nadia said saeed salim tarek tariq walid yasin ayesha bilal imran usman zeynep emre elif ayse mustafa mehmet murat ahmet ibrahim ismail
arjun amit anil anita anjali deepak kavita kiran lakshmi meera neha nisha pooja priya rahul raj rajesh rakesh ravi rohit sandeep sanjay sunil sunita suresh vijay vikram wei ming li jing yan hui jun hao xin yi ying lei tao
minh linh anh hiroshi kenji yuki akira haruto sakura takashi naoki mei hana jin min soo hyun ji seo jung eun kofi kwame amara chidi ngozi oluwaseun abena thabo sipho nomsa wanjiru achieng otieno ingvild solveig bjorn leif ragnar
sigurd astrid freya gunnar hakon ivar kjell lars magnus nils odd olav per pal rune stig svein tor trond torsten aino eero jari juha kari matti mika pekka sari tiina timo ville zoltan laszlo istvan gabor ferenc attila katalin ilona eszter
erzsebet andras balazs bence gergely janos jozsef peter tamas zsolt ioana mihai andrei bogdan cristina elena florin gheorghe ion mircea radu stefan vasile dragan milos nikola jovana jelena milica ivana goran zoran ante ivo luka marija
jaime diego pablo luis carlos jorge javier rafael alvaro sergio ruben raul adrian lucia elena paula sara laura marta alba irene joao tiago pedro rui ines catarina beatriz mafalda duarte ricardo fabrizio giorgia alessia chiara elisa
lauren megan emily hannah ashley brittany tyler kyle austin dylan logan mason ethan owen gareth rhys sian nia aoife ciara niamh siobhan eoin cian oisin sinead padraig seamus bruce craig donna dawn brian barry darren diane gavin gary glen
graham howard ian janice jason jean joyce judy karen kathleen keith kelly kerry kim laurence leslie lorraine louise lynne malcolm marilyn maureen neil nigel norman pauline phyllis ray rodney ross sharon sheila shirley stuart tracy trevor wayne`)

// commonSurname are surnames so frequent that a surname with an initial says
// little about who is meant.
var commonSurname = wordSet(`smith jones williams brown taylor davies evans wilson thomas johnson roberts robinson thompson wright walker white edwards hughes green hall
lewis harris clarke patel jackson wood turner martin cooper hill ward morris moore clark lee king baker harrison morgan allen james scott phillips watson davis parker price bennett young griffiths mitchell kelly cook carter
richardson bailey collins bell shaw murphy miller cox richards khan marshall anderson simpson ellis adams singh begum wilkinson foster chapman powell webb rogers gray mason ali hunt hussain campbell matthews owen palmer holmes mills
garcia rodriguez martinez hernandez lopez gonzalez perez sanchez ramirez torres flores rivera gomez diaz cruz reyes morales ortiz gutierrez ramos ruiz alvarez fernandez moreno jimenez romero navarro dominguez vazquez castro
muller mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schafer schaefer koch bauer richter klein wolf schroder schroeder neumann schwarz zimmermann braun kruger krueger hofmann hartmann lange schmitt werner
krause lehmann maier mayer huber schmid gruber steiner moser berger pichler bernard dubois durand leroy moreau simon laurent lefebvre michel bertrand roux david rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno
gallo conti silva santos ferreira pereira oliveira costa rodrigues martins sousa fernandes goncalves gomes lopes marques almeida ribeiro carvalho teixeira nowak kowalski wisniewski wojcik kowalczyk kaminski lewandowski zielinski
ivanov ivanova smirnov smirnova kuznetsov kuznetsova popov popova vasiliev petrov petrova sokolov sokolova novak svoboda dvorak horvat horvath nagy kovacs toth szabo kiss varga molnar popescu ionescu popa jovanovic petrovic nikolic
papadopoulos andersson johansson karlsson nilsson eriksson larsson olsson persson hansen johansen olsen larsen andersen pedersen nielsen jensen christensen rasmussen sorensen korhonen virtanen nieminen jansen visser smit bakker dejong
peeters janssens maes jacobs wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang kim lee park choi jung kang cho yoon jang lim han oh seo shin kwon hwang ahn song nguyen tran le pham phan vu
dang bui do ngo duong sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato kumar sharma gupta verma shah mehta reddy rao das roy ahmed mohamed mohammed hassan hussein ibrahim abdullah rahman khalil yilmaz kaya
demir celik sahin yildiz ozturk aydin cohen levi mizrahi peretz okafor okeke adeyemi mensah ndlovu dlamini nkosi`)

// generic words name no house by themselves, in an organisation's name or as a
// domain's label.
var generic = wordSet(`news newspaper daily weekly times post press media radio television tv journal herald tribune gazette courier observer guardian telegraph
mail email webmail web www online digital info data cloud portal login account accounts secure security support help service services office admin
parliament parlament parlamento parlement congress senate assembly council committee commission ministry government gov election elections party union
university institute foundation agency bank group team national international european world global central public federal state city house house
shop store market home app apps mobile example test demo blog forum wiki docs doc api cdn static images img assets events event today time free open
green labour liberal democrats people power energy health water food travel music sport sports games auto cars real estate insurance invest finance capital
trust digital design studio consulting partner partners solutions systems tech technology software network networks marketing newsletter`)

// nicknameIndex finds the lines of nicknameTable by the full names and the short
// forms in them.
type nicknameIndex struct {
	full   map[string][]int // a full name's lines
	short  map[string][]int // a short form's lines
	fulls  [][]string       // per line
	shorts [][]string       // per line
}

// nicknames is built at first use: a hunt, which needs no names, starts sooner.
var nicknames = sync.OnceValue(func() nicknameIndex { return newNicknames(nicknameTable) })

func newNicknames(table string) nicknameIndex {
	n := nicknameIndex{full: map[string][]int{}, short: map[string][]int{}}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), ":")
		id := len(n.fulls)
		var fulls, shorts []string
		for _, f := range strings.Split(left, "/") {
			f = foldMarks(f)[0]
			fulls = append(fulls, f)
			n.full[f] = append(n.full[f], id)
		}
		for _, s := range strings.Fields(right) {
			s = foldMarks(s)[0]
			shorts = append(shorts, s)
			n.short[s] = append(n.short[s], id)
		}
		n.fulls, n.shorts = append(n.fulls, fulls), append(n.shorts, shorts)
	}
	return n
}

// known tells whether w is somebody's given name, in full or short.
func (n nicknameIndex) known(w string) bool {
	return len(n.full[w]) > 0 || len(n.short[w]) > 0
}

func givenName(w string) bool { return commonGiven[w] || nicknames().known(w) }

// sameFull tells whether a and b are spellings of one full name.
func (n nicknameIndex) sameFull(a, b string) bool {
	for _, i := range n.full[a] {
		for _, j := range n.full[b] {
			if i == j {
				return true
			}
		}
	}
	return false
}

// spellings are given names that one person's papers may spell in several ways
// although no rule of romanisation leads from one to the other.
var spellings = newSpellings(`
aleksandr alexander aleksander alexandr oleksandr aliaksandr alyaksandr
aleksandra alexandra oleksandra
aleksei alexei aleksey alexey alexej oleksiy oleksii
andrei andrey andrej andriy andrii
anatoly anatoli anatolij anatoliy
dmitry dmitri dmitrij dmitriy dmytro dimitri
ekaterina yekaterina jekaterina kateryna
elena yelena jelena olena
elizaveta yelizaveta jelisaweta
evgeny evgeni evgenij evgenii yevgeny yevgeni yevhen jewgeni eugene
fyodor fedor fjodor fiodor
galina halyna
georgy georgi georgiy georgij heorhiy
gennady gennadi gennadiy hennadiy
grigory grigori grigoriy grigorij hryhoriy
igor ihor
ilya ilia ilja illia
irina iryna
yulia julia yuliya iuliia julija yuliia
yuri yury juri yuriy iurii yurii jurij
ksenia xenia kseniya oksana
leonid leonyd
mikhail michail mihail mykhailo mykhaylo
natalia natalya nataliya natalija nataliia
nikolai nikolay nikolaj mykola nikolaus
pavel pawel pavlo
petr pyotr petro pjotr piotr
roman raman
sergei sergey sergej sergii serhiy serhii siarhei
sofia sofiya sofija sofya sophia
svetlana svitlana swetlana
tatiana tatyana tatjana tetiana tetyana
vasily vasili vasiliy vasilij vasyl wassili
viktor victor wiktor
vitaly vitali vitalij vitaliy vitalii
vladimir wladimir volodymyr uladzimir vladymyr
vladislav wladislaw vladyslav
vyacheslav viacheslav wjatscheslaw
mohammed muhammad mohamed mohammad muhammed mohamad mahomed mehmed
ahmed ahmad achmed
hussein husain hussain husayn hossein hussien
hassan hasan
youssef yusuf yousef yousuf joseph yosef
ali aly
abdullah abdallah abdulla
omar umar omer
ibrahim ebrahim
mustafa mostafa moustafa
khaled khalid
mahmoud mahmud mahmood
fatima fatemeh fatma fatimah
aisha ayesha aicha aysha
zeinab zainab zaynab zeynab
chaim haim hayim
moshe mosche moshé
yitzhak itzhak isaac yitzchak
yaakov jacob yakov
georgios giorgos yorgos
dimitrios dimitris
konstantinos konstantin constantine kostiantyn
lee yi rhee
`)

func newSpellings(table string) map[string][]string {
	of := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		forms := strings.Fields(line)
		for _, f := range forms {
			of[f] = append(of[f], forms...)
		}
	}
	return of
}
