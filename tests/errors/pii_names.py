"""Words that invented names are made of. RARE_* are real names that lists of common ones leave out."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    """
    Jan Piet Sanne Fleur Daan Willem Johanna Maria Cornelis Hendrik Anna Elisabeth Bram Lotte Sem Thijs Noor Emma Lars
    Femke Mehmet Ayşe Mustafa Fatma Emre Zeynep Hüseyin Elif Burak Özlem Mohamed Fatima Youssef Khadija Rachid Naima
    Hassan Samira Bilal Soukaina Winston Ruben Shanice Romano Cherida Dewi Rajesh Priya Sheila Orlando Piotr Katarzyna
    Agnieszka Tomasz Małgorzata Krzysztof Magdalena Paweł Sjoerd Tjitske Wytze Froukje Jelle Sietske Doutzen Gerben
    Hylke Nynke James Emily Oliver Charlotte George Amelia William Sophie Harry Grace René Zoë Chloé José Renée André
    Björn Jürgen Wei Li Nguyen Aisha Kwame Ingrid Olga Ivan Giulia Marco Pierre Hélène
    """
)
LAST = _words(
    """
    Jansen Vries Bakker Visser Smit Meijer Boer Mulder Groot Bos Vos Peters Hendriks Dekker Brouwer Dijkstra Berg
    Leeuwen Dijk Linden Jong Janssen Willems Wit Kuipers Post Koster Prins Huisman Postma Veenstra Hoekstra Hofstra
    Boonstra Wiersma Zijlstra Terpstra Bruijn Yılmaz Kaya Demir Çelik Şahin Öztürk Aydın Bouzid Benali Haddou Azzouzi
    Khattabi Amrani Bakkali Idrissi Ramdin Bhagwandin Kartosen Wijdenbosch Pinas Doorson Kowalski Nowak Wiśniewska
    Zieliński Kamińska Lewandowski Smith Johnson Brown Taylor Wilson Davies Evans Thomas O'Brien McDonald Müller Schmidt
    Weber Dubois Lefèvre Rossi García Nguyen
    """
)
PARTICLES = ("van", "de", "van de", "van den", "van der", "van 't", "ter", "ten", "el", "von", "op de", "in 't", "da")
RARE_FIRST = _words(
    """
    Sibrand Wubbo Geziena Aldert Hidde Imkje Eelkje Roelfke Durk Gosse Ynskje Machteld Diederick Ottoline Berend-Jan
    Cunera Saskiaan Tiemen Nurgül Şükrü Gökhan Yasemin Abdelkader Hafida Noureddine Loubna Jerrel Melvin Faried Sandhia
    Zbigniew Bożena Grzegorz Wiesława Cathleen Desmond
    """
)
RARE_LAST = _words(
    """
    Poppema Wichers Roukema Hogeslag Kruitbosch Zandvliet Nijenhuis Schimmelpenninck Uitdehaag Vreugdenhil Tamminga
    Bruggink Wesselink Heijligers Karadağ Tekşen Oulad Belhaj Mokhtari Elbers Kalpoe Sewnandan Pawirodikromo Szczepański
    Wrzesińska Fairweather Hollingsworth Thibodeaux Quaedvlieg
    """
)
