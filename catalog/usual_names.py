"""The usual names of columns: of each product field, of objects in a record, of category steps.

Names are letters and digits only, as `catalog.column_names.key` makes them, best first.
"""

from collections.abc import Mapping

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    field: tuple(names.split())
    for field, names in {
        "id": "id uniqid uniqueid externalid offerid asin sku skuid variantsku sellersku itemsku "
        "code number no articleno nummer nr artikelnummer artikelnr artnr bestellnummer "
        "produktnummer reference ref referencia referenz codigo codice codeproduit codearticle "
        "artikelcode codicearticolo internalreference defaultcode parentasin handle gtin gtin13 "
        "ean ean13 barcode upc isbn mpn slug urlkey objectid numerodarticolo itemnumber "
        "varenummer indeks kod codigoproduto stokkodu urunkodu артикул код 商品コード 商品番号 "
        "編號 编号 商品编号 cikkszam kodas kods κωδικος 상품코드 번호",
        "title": "title name displayname fullname titel bezeichnung artikelbezeichnung "
        "produktbezeichnung produktname artikelname produkttitel nom titre intitule libelle "
        "designation nomproduit nomduproduit nombre titulo denominacion nombreproducto "
        "nombredelproducto nome titolo naam genericname product item article artikel produkt "
        "produit producto nomeprodotto nomedelprodotto nomeprodutto titolodelprodotto productnaam "
        "nazwa nazwaproduktu tytul nomedoproduto nomeproduto produto namn navn produktnamn "
        "produktnavn nazev nazevproduktu urunadı urunadi наименование название имя 商品名 "
        "商品名称 名称 megnevezes denumire naziv nimi pavadinimas nosaukums назва τιτλος ονομασια "
        "상품명 제품명 名稱",
        "category": "hierarchicalcategories category maincategory mastercategory categorypath "
        "categorytree categories categorytext categoryname categorynames categoryfullpath "
        "fullcategory department kategorie kategorien kategoriename kategoriepfad hauptkategorie "
        "warengruppe produktgruppe produktkategorie artikelgruppe rubrik categorie categoriename "
        "categorieproduit rayon famille categoria categorias departamento familia seccion "
        "afdeling breadcrumb breadcrumbs taxonomypath taxonomy googlecategory section type "
        "collection collections group groupname articletype subcategory dept primarycategory "
        "maincat maincatcode categorycode kategoria kategorier kategorienavn categoriaprodotto "
        "categoriadoproduto reparto kategori urunkategorisi категория раздел categoryid カテゴリ "
        "カテゴリー 分类 类别 分類 kategorija kategoriju κατηγορια категорія 카테고리 類別",
        "description": "description longdescription fulldescription detaileddescription "
        "descriptionlong descriptionhtml bodyhtml body longtext detaildesc text desc overview "
        "salesdescription content shortdescription descriptionshort summary blurb beschreibung "
        "produktbeschreibung artikelbeschreibung langbeschreibung beschreibungstext langtext "
        "kurzbeschreibung kurztext descriptif descriptionlongue descriptioncourte descripcion "
        "descripcionlarga descripcioncorta descrizione omschrijving opis opisproduktu descricao "
        "descricaodoproduto beskrivning beskrivelse popis popisproduktu productomschrijving "
        "acıklama aciklama urunaciklamasi описание 商品説明 説明 描述 商品描述 details detail "
        "productdetails information about leiras descriere apraksts aprasymas kuvaus περιγραφη "
        "опис 설명",
        "features": "features keyfeatures bulletpoints bulletpoint bullets bullet about aboutitem "
        "aboutthisitem highlights highlight keypoints merkmale vorteile highlightsdesartikels "
        "pointsforts atouts caracteristicas caracteristiques",
        "attributes": "details attributes specifications specification specs technicaldetails "
        "technicalspecifications additionalattributes customattributes properties facts "
        "eigenschaften technischedaten fichetechnique especificaciones param params parameters "
        "parametry caratteristiche kenmerken attrs характеристики",
        "brand": "brand brands brandname branddescription store manufacturer manufacturername "
        "vendor vendorname maker designer marke marken markenname hersteller herstellername "
        "marque marques nommarque fabricant marca marcas nombremarca fabricante produttore merk "
        "brandslug supplier producent producenci merken merknaam varumarke maerke merke vyrobce "
        "znacka fabrikant marka бренд производитель марка ブランド メーカー 品牌 gyarto "
        "gamintojas razotajs proizvodac zimols μαρκα κατασκευαστης виробник 브랜드 제조사",
        "sale_price": "saleprice specialprice discountedprice discountprice offerprice dealprice "
        "promoprice promotionprice promotionalprice reducedprice aktionspreis angebotspreis "
        "sonderpreis reduzierterpreis prixpromo prixsolde prixremise prixpromotionnel "
        "preciooferta precioenoferta preciorebajado preciodescuento onlinesaleprice "
        "prezzoscontato prezzoofferta aanbiedingsprijs actieprijs cenapromocyjna cenapopromocji "
        "precopromocional salgspris kampanjpris акционнаяцена indirimlifiyat セール価格 促销价",
        "price": "price salesprice currentprice sellingprice finalprice variantprice "
        "standardprice unitprice baseprice priceamount pricevalue pricegross grossprice priceincl "
        "priceincltax pricewithtax usdprice offerscprice amount preis verkaufspreis bruttopreis "
        "preisbrutto endpreis einzelpreis vkpreis preisvk vk prix prixvente prixunitaire tarif "
        "precio precioventa preciocon preciofinal pvp prezzo prijs lowprice minprice pricemin "
        "pricefrom startingprice searchprice storeprice startprice buyitnowprice pricevat "
        "pricewithvat cena cenabrutto cenasprzedazy cenasdph preco precodevenda precovenda "
        "verkoopprijs prezzodivendita pris prisinklmoms fiyat satisfiyati satısfiyatı цена "
        "ценарозничная розничнаяцена netprice pricenet preisnetto nettopreis priceexcl "
        "priceexcltax pricewithouttax pricenotax prixht prixventeht preciosin prezzonetto "
        "cenanetto prijsexcl preisexkl 価格 販売価格 价格 售价 kaina hinta pret τιμη ціна 가격 "
        "價格",
        "list_price": "listprice regularprice retailprice originalprice actualprice oldprice "
        "wasprice priceold mrp msrp rrp uvp compareatprice variantcompareatprice strikeprice "
        "initialprice strikethroughprice fullprice normalprice pricebeforediscount "
        "maximumretailprice priceoriginal listenpreis regularerpreis regulaererpreis normalpreis "
        "statpreis stattpreis alterpreis prixbarre prixregulier prixinitial prixnormal ancienprix "
        "tarifregulier preciooriginal precioregular precionormal precioanterior prezzolistino "
        "rrpprice mrpprice markedprice prezzooriginale adviesprijs vanprijs cenaprzedpromocja "
        "cenakatalogowa precooriginal ordinariepris normalpris стараяцена piyasafiyatı 定価 原价 "
        "市场价",
        "currency": "currency currencycode currencyid pricecurrency currencyiso isocurrency "
        "wahrung waehrung devise moneda divisa valuta waluta moeda mena parabirimi валюта",
        "rating": "rating averagerating averagereviewrating avgrating ratingaverage ratingvalue "
        "ratingscore overallrating reviewrating reviewaverage reviewscore starrating ratings "
        "stars bewertung durchschnittsbewertung notemoyenne valoracion calificacion",
        "rating_count": "ratingcount ratingnumber noofratings ratingscount numratings "
        "ratingstotal numberofratings totalratings reviewcount reviewscount noofreviews "
        "numreviews numberofreviews totalreviews ratingqty votes reviews anzahlbewertungen "
        "nombreavis nbavis numeroresenas",
        "link": "link url permalink weburl pageurl webpage website href deeplink awdeeplink "
        "canonicalurl detailurl detailpageurl detailspageurl onlineurl producturl productlink "
        "lien urlproduit lienproduit enlace urlproducto produktlink produkturl artikellink "
        "linkdoproduto adresurl linkdoproduktu ссылка",
        "parent": "parentasin parentid parentsku parentcode itemgroupid groupid variantgroup "
        "variantgroupid variantof isvariantof inproductgroupwithid masterid mastersku "
        "masterproduct configurablesku vaterartikel elternartikel handle",
        "images": "image imageurl imagelink imagesrc imagesource imagepath imagehref imageaddress "
        "imagefile imagefilename imagename mainimage mainimageurl mainimagelink mainpicture "
        "primaryimage primaryimageurl baseimage featuredimage featuredimageurl frontimage "
        "imagefronturl coverimage coverurl covermediaurl cover heroimage largeimage imagelarge "
        "bigimage imagebig imageurllarge fullimage zoomimage img imgurl imglink imgsrc imgpath "
        "pic picurl picture pictureurl picturepath photo photourl photopath images imageurls "
        "imagelinks imageslinks imagelist allimages pictures pictureurls photos gallery "
        "imagegallery media additionalimage additionalimages additionalimagelink "
        "additionalimagelinks additionalimageurl additionalimageurls otherimage otherimages "
        "otherimageurl otherimageurls alternateimages moreimages extraimages hostedimageurls bild "
        "bilder bildurl bildlink bildpfad bilddatei hauptbild produktbild artikelbild foto fotos "
        "imagen urlimagen imagenurl imagenes imagenprincipal urlimage urlimages lienimage "
        "imageprincipale visuel visuels immagine immagini afbeelding imageurlalternative "
        "imgurlalternative imagelinkadditional zdjecie zdjecia obrazek obrazki obraz imagem "
        "imagens fotografia afbeeldingen productafbeelding bilde billede obrazky "
        "immagineprincipale resim resimler gorsel изображение изображения картинка фото "
        "фотография 画像 商品画像 图片 主图 nuotrauka attels kep imagine slika kuva εικονα "
        "зображення 이미지 圖片",
        "thumbnails": "mediumimage imagemedium smallimage imagesmall imagesmallurl thumbnail "
        "thumbnails thumbnailurl thumbnailimage thumb thumburl imagethumb previewimage "
        "vorschaubild vignette miniatura",
        "sku": "sku variantsku sellersku itemsku skuid stockkeepingunit articleno artikelnummer "
        "artikelnr artnr bestellnummer produktnummer artikelcode codicearticolo itemcode "
        "codigoarticulo kodproduktu internalreference defaultcode reference referencia referenz "
        "skunumber skucode customlabelsku customlabel",
        "gtin": "gtin gtin8 gtin12 gtin13 gtin14 gtincode ean ean13 eancode eannummer upc upccode "
        "upcean eanupc upceancode eangtin gtinean codiceean codigoean barcode barcodenumber "
        "variantbarcode isbn isbn13 isbn10 globaltradenumber globaltradeitemnumber "
        "gtinupceanorisbn strichcode codebarres codebarre codigobarras codigodebarras "
        "codiceabarre eans gtins codeean codegtin codeupc kodkreskowy kodean streckkod barkod "
        "штрихкод",
        "in_stock": "availability instock isinstock stockstatus availabilitystatus isavailable "
        "available inventorystatus stock stockquantity quantityonhand qtyavailable stockqty "
        "stocklevel currentstock currentstocklevel inventory inventoryquantity inventoryqty "
        "variantinventoryqty variantinventoryquantity verfugbarkeit verfugbar vorratig lieferbar "
        "lagerbestand bestand lager disponibilite disponible enstock disponibilidad existencias "
        "disponibilita availablequantity stockstate voorraad dostepnosc stan stanmagazynowy "
        "estoque lagersaldo lagerstatus skladem dostupnost stok stokadedi stokmiktari наличие "
        "остаток 在庫 库存",
        "sold_out": "outofstock isoutofstock soldout issoldout ausverkauft agotado epuise esaurito",
        "released": "released releasedate launchdate publicationdate datepublished publishdate "
        "datefirstavailable erscheinungsdatum erscheinungstermin datedesortie datesortie "
        "dateparution fechalanzamiento fechadelanzamiento",
    }.items()
}

# Columns with the name and the value of an attribute, with # for a number.
PAIRS = (
    ("option#name", "option#value"),
    ("optionname#", "optionvalue#"),
    ("variantoption#name", "variantoption#value"),
    ("attribute#name", "attribute#value"),
    ("attribute#name", "attribute#values"),
    ("attributename#", "attributevalue#"),
    ("feature#name", "feature#value"),
    ("specification#name", "specification#value"),
)

# Fields that several columns fill, as "image_1", "image_2".
LISTS = frozenset({"images", "thumbnails", "features", "attributes"})

# Steps of one category path in columns of their own, from the department down.
PATH_STEPS = tuple(
    tuple(names.split())
    for names in (
        "maincategory mastercategory topcategory primarycategory department hauptkategorie "
        "categorieprincipale categoriaprincipal",
        "category kategorie warengruppe categorie rayon famille categoria seccion kategoria "
        "kategori rubriek afdeling",
        "subcategory secondarycategory subcat unterkategorie untergruppe souscategorie sousrayon "
        "sousfamille subcategoria subseccion subfamilia sottocategoria subcategorie subrubriek "
        "podkategoria underkategori altkategori",
        "subsubcategory tertiarycategory articletype",
    )
)
# What is numbered in columns of such steps, as "category_level_2", "Kategorie Ebene 2", "cat0".
NUMBERED_STEPS = frozenset({*PATH_STEPS[1], "cat", "category", "categories", "kategorien"})
LEVELS = frozenset({"level", "lvl", "ebene", "niveau", "nivel", "livello", "poziom", "step"})

# Objects within a record, and the names under which they hold a field.
NESTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "offers": {
        "price": ("price", "lowPrice", "priceSpecification.price"),
        "currency": ("priceCurrency", "priceSpecification.priceCurrency"),
        "in_stock": ("availability",),
        "link": ("url",),
        "sku": ("sku",),
        "gtin": ("gtin", "gtin13", "gtin14", "gtin12", "gtin8"),
    },
    "aggregaterating": {"rating": ("ratingValue",), "rating_count": ("reviewCount", "ratingCount")},
    "rating": {"rating": ("rate", "value", "average", "score"), "rating_count": ("count", "total")},
    "ratings": {"rating": ("average", "value"), "rating_count": ("count", "total")},
    "pricing": {
        "sale_price": ("sale_price", "sale", "salePrice", "discounted"),
        "price": (
            "price",
            "current",
            "amount",
            "value",
            "priceRange.start.gross",
            "priceRange.start",
        ),
        "list_price": (
            "list_price",
            "regular",
            "listPrice",
            "original",
            "regularPrice",
            "priceRangeUndiscounted.start.gross",
        ),
        "currency": ("currency", "currencyCode"),
    },
    "prices": {
        "sale_price": ("sale_price", "sale"),
        "price": ("price", "current", "amount", "value"),
        "list_price": ("regular_price", "regular", "list", "original"),
        "currency": ("currency_code", "currency", "currencyCode"),
    },
    "pricerange": {
        "price": ("minVariantPrice", "min", "from"),
        "currency": ("minVariantPrice.currencyCode",),
    },
    "availability": {"in_stock": ("in_stock", "inStock", "status")},
    "stock": {"in_stock": ("quantity", "available", "status", "count")},
    "inventory": {"in_stock": ("quantity", "available", "in_stock", "inStock", "status")},
    "identifiers": {"gtin": ("gtin", "ean", "upc", "isbn"), "sku": ("sku",)},
    "media": {"images": ("images", "gallery")},
    "meta": {"gtin": ("barcode",)},
    "isvariantof": {"parent": ("productGroupID", "@id", "sku", "id")},
}

# Objects that hold the whole product.
WRAPPERS = ("product", "item", "node", "_source", "fields", "data", "masterData", "current")
