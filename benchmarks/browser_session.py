"""A visitor's session of the page, in Streamlit's own messages over its websocket, for load.

It sends what a browser sends (a rerun with the address and the widgets' values) and reads what the
server answers, to the end of the script. Nothing is drawn: fifty Chromiums take more memory and
processor time than the server that is measured.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import (
    FileUploaderState,
    FileURLs,
    FileURLsRequest,
    UploadedFileInfo,
)
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

LARGEST = 64 * 2**20  # bytes of a message
XSRF = "_streamlit_xsrf"
ENDED = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}


@dataclass
class View:
    """What a run of the page's script has shown.

    Attributes:
        text_inputs: ids by label.
        uploaders: ids of the fields for files.
        products: the parameters of the links to products.
        pictures: addresses of pictures on the server.
        suggestions: id and fragment of the list of suggestions; None without one.
        problems: sentences of errors.
    """

    text_inputs: dict[str, str] = field(default_factory=dict)
    uploaders: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    pictures: set[str] = field(default_factory=set)
    suggestions: tuple[str, str] | None = None
    problems: list[str] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        """Add one element of the page, where it is of a kind that counts."""
        if delta.WhichOneof("type") != "new_element":
            return
        element: Element = delta.new_element
        match element.WhichOneof("type"):
            case "text_input":
                self.text_inputs[element.text_input.label] = element.text_input.id
            case "file_uploader":
                self.uploaders.append(element.file_uploader.id)
            case "page_link" if "product=" in element.page_link.query_string:
                self.products.append(element.page_link.query_string)
            case "imgs":
                addresses = (image.url for image in element.imgs.imgs)
                self.pictures |= {each for each in addresses if each.startswith("/")}
            case "bidi_component" if element.bidi_component.component_name.endswith("list"):
                self.suggestions = element.bidi_component.id, delta.fragment_id
            case "exception":
                self.problems.append(element.exception.message)
            case "alert" if element.alert.format == Alert.ERROR:
                self.problems.append(element.alert.body)


class BrowserSession:
    """One open page.

    Args:
        socket: its websocket.
        client: for uploads and pictures; its base is the server's address.
    """

    def __init__(self, socket: ClientConnection, client: httpx.AsyncClient) -> None:
        self._socket = socket
        self._client = client
        self._identity = ""
        self._address = ""
        self._values: dict[str, WidgetState] = {}
        self._cached: set[str] = set()  # pictures that the browser has
        self.view = View()

    async def open(self, address: str = "") -> float:
        """Open the page at an address's parameters, as a link does; seconds until it is shown."""
        self._address = address
        return await self._run(self._state())

    async def type(self, text: str) -> float:
        """Type into the search box, up to the pause in which suggestions are requested."""
        if self.view.suggestions is None:
            return 0.0
        identity, fragment = self.view.suggestions
        self._values[identity] = WidgetState(id=identity, json_value=json.dumps({"typed": text}))
        return await self._run(self._state(fragment))

    async def search(self, text: str) -> float:
        """Search for words; seconds until the results are shown."""
        [identity] = self.view.text_inputs.values()
        self._values[identity] = WidgetState(id=identity, string_value=text)
        return await self._run(self._state())

    async def upload(self, name: str, data: bytes) -> float:
        """Search with a picture; seconds from the upload's beginning until results are shown."""
        started = time.perf_counter()
        urls = await self._upload_urls(name)
        token = self._client.cookies.get(XSRF) or ""
        answer = await self._client.put(
            urls.upload_url, files={"file": (name, data)}, headers={"X-Xsrftoken": token}
        )
        answer.raise_for_status()
        info = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        [identity, *_] = self.view.uploaders
        files = FileUploaderState(uploaded_file_info=[info])
        self._values[identity] = WidgetState(id=identity, file_uploader_state_value=files)
        await self._run(self._state())
        return time.perf_counter() - started

    async def load_pictures(self) -> int:
        """Fetch the pictures of the view that the browser does not have; their number."""
        missing = self.view.pictures - self._cached
        for picture in missing:
            answer = await self._client.get(picture)
            answer.raise_for_status()
        self._cached |= missing
        return len(missing)

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The address bar's parameters."""
        return parse_qs(self._address)

    def _state(self, fragment: str = "") -> ClientState:
        return ClientState(
            query_string=self._address,
            widget_states=WidgetStates(widgets=self._values.values()),
            fragment_id=fragment,
        )

    async def _run(self, state: ClientState) -> float:
        """Run the page's script; what it shows becomes the view."""
        started = time.perf_counter()
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())
        view = View()
        while True:
            message = await self._receive()
            match message.WhichOneof("type"):
                case "new_session":
                    self._identity = message.new_session.initialize.session_id
                    view = self.view if state.fragment_id else View()
                case "delta":
                    view.add(message.delta)
                case "page_info_changed":
                    self._address = message.page_info_changed.query_string
                case "session_event":
                    view.problems.append(str(message.session_event))
                case "script_finished" if message.script_finished in ENDED:
                    break
        self.view = view
        self._values = {
            identity: value
            for identity, value in self._values.items()
            if value.WhichOneof("value") != "file_uploader_state_value"
            or identity in view.uploaders
        }
        return time.perf_counter() - started

    async def _receive(self) -> ForwardMsg:
        message = ForwardMsg()
        data = await self._socket.recv(decode=False)
        message.ParseFromString(data)
        return message

    async def _upload_urls(self, name: str) -> FileURLs:
        request = FileURLsRequest(request_id=name, file_names=[name], session_id=self._identity)
        await self._socket.send(BackMsg(file_urls_request=request).SerializeToString())
        while (message := await self._receive()).WhichOneof("type") != "file_urls_response":
            pass
        [urls] = message.file_urls_response.file_urls
        return urls


@asynccontextmanager
async def open_session(client: httpx.AsyncClient) -> AsyncIterator[BrowserSession]:
    """Open a connection to the page.

    Args:
        client: its base is the server's address.
    """
    if XSRF not in client.cookies:
        await client.get("/_stcore/health")
    address = str(client.base_url.copy_with(scheme="ws")).rstrip("/") + "/_stcore/stream"
    async with connect(
        address, subprotocols=[Subprotocol("streamlit")], max_size=LARGEST, ping_timeout=None
    ) as socket:
        yield BrowserSession(socket, client)
