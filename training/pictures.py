"""The pictures of a LeRobot dataset's rows, as squares: from MP4 by time, or from cells of Parquet and files of images.

A row's picture in a video is the one that is shown at the row's time, whatever else is in the file and however fast it runs.
"""

import io

import numpy as np

from meta_files import broken

BATCH = 16  # rows whose images are in memory at a time


def episodes(dataset, size, report):
    """
    Yields `(number, frames, there)` of each episode of `dataset`: frames `[R, size, size, 3]` uint8, one a row, and
    `there` `[R]`, which of them there are; in the order of the files. What is not there is reported.
    """
    kind = dataset.features.get(dataset.camera, {}).get("dtype")
    yield from (of_videos if kind == "video" else of_images)(dataset, size, report)


def of_videos(dataset, size, report):
    parts = {}
    for number in dataset.spans:
        try:
            path, begin, end = dataset.video_of(number)
        except ValueError as missing:
            report.leave_out("episodes", str(missing), episode=number)
            continue
        parts.setdefault(path, []).append((begin, number, end))
    for path, there in parts.items():
        there.sort(key=lambda part: part[:2])
        try:
            video = Video(path, size, 1 / dataset.fps, there[0][0])
        except UnreadableVideo as why:
            for _, number, _ in there:
                report.leave_out("episodes", f"their video is not to be read: {why}", file=dataset.relative(path), episode=number)
            continue
        if video.late:
            report.note("the first frame of the video is not at 0: its time is counted from there", file=dataset.relative(path), seconds=round(video.late, 4))
        for (begin, number, end), (following, *_) in zip(there, [*there[1:], (None,)]):
            if end is None and following is not None and following > begin:
                end = following
            end = video.seconds if end is None else min(end, video.seconds)
            time = moments(dataset, number, begin, end, video, report)
            frames, found = video.at(time, end)
            timed = np.isfinite(time)
            for why, lost in (("timestamp is NaN or null", ~timed), (video.error or "their video has no frame at their time", timed & ~found)):
                if lost.any():
                    report.leave_out("rows", why, episode=number, row=int(lost.argmax()), rows=int(lost.sum()))
            yield number, frames, found


def moments(dataset, number, begin, end, video, report):
    """
    When in its file the picture of each row is shown, in seconds: `from_timestamp + timestamp`, counted from the first row's
    where the episode is as long as its part of the file. Where it is not, and the part has one frame a row, at a steady rate,
    the frames are one a row.
    """
    time, step = dataset.rows["timestamp"][dataset.spans[number]], 1 / dataset.fps
    known = np.flatnonzero(np.isfinite(time))
    if not len(known):
        return time
    first = time[known[0]] - step * known[0]
    span, part = time[known[-1]] + step * (len(time) - known[-1]) - first, end - begin
    inside = video.times[(video.times > begin - video.half) & (video.times < end - video.half)]
    regular = len(inside) < 2 or np.ptp(np.diff(inside)) < video.half
    if len(inside) == len(time) and regular and not abs(part - span) <= 0.5 * step:
        why = "the part of the video is not as long as the timestamps say, and has one frame a row: taken so"
        report.note(why, episode=number, timestamps=f"{span:.4g} s", video=f"{part:.4g} s")
        return inside
    if first >= part + step or abs(part - span) <= 0.5 * step < first:
        report.note("the timestamps begin behind the video: counted from the first", episode=number, timestamp=f"{first:.4g} s")
        time = time - first
    return begin + time


class UnreadableVideo(Exception):
    pass


class Video:
    """
    A video that is read forwards. `times`: when each frame is shown, in seconds; `seconds`: when it ends; `half`: of a usual
    frame's time, or a row's where that is shorter, and a bit less; `late`: when the container shows the first frame, from
    which times count, unless the first episode is said to `begin` there; `error`: what broke it off. step: from row to row.
    """

    def __init__(self, path, size, step, begin):
        import av

        self.path, self.size, self.error, self.decoded = path, size, None, None
        if not path.exists():
            raise UnreadableVideo("the file is not there")
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise UnreadableVideo("it holds no video")
                layout = str(container.streams.video[0].codec_context.pix_fmt)
                if layout.startswith("gray") and layout not in ("gray", "gray8"):
                    raise UnreadableVideo(f"it has one channel of more than 8 bits ({layout}), as a depth map has: a world is of 8-bit colour")
                times = np.array(sorted(self._times(container)))
        except av.error.FFmpegError as error:
            raise UnreadableVideo(broken(path, error)) from None
        if not len(times):
            raise UnreadableVideo("it holds no frame")
        usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
        self.half = 0.49 * min(usual, step)
        self.late = times[0] if abs(times[0]) > 1e-3 and abs(times[0] - begin) > self.half else 0.0
        self.times = times - self.late
        self.seconds = self.times[-1] + usual
        self._begin()

    def _times(self, container):
        """When each frame is shown, by the container alone: nothing is decoded."""
        import av

        stream = container.streams.video[0]
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and not packet.is_discard:
                    yield float(packet.pts * stream.time_base)
        except av.error.FFmpegError as error:
            self.error = broke_off(error)

    def _begin(self):
        if self.decoded:
            self.decoded.close()
        self.shown = self.next = None
        self.decoded = self._decode()
        self._step()

    def _decode(self):
        """Each frame's time and the frame. Behind what can't be decoded nothing is right before the next whole picture."""
        import av

        with av.open(str(self.path)) as container:
            stream, right = container.streams.video[0], True
            stream.thread_type = "AUTO"
            try:
                for packet in container.demux(stream):
                    try:
                        frames = packet.decode()
                    except av.error.InvalidDataError as error:
                        self.error, right = broke_off(error), False
                        continue
                    for frame in frames:
                        right = right or frame.key_frame
                        if right and frame.pts is not None and not frame.is_corrupt:
                            yield float(frame.pts * frame.time_base) - self.late, frame
            except av.error.FFmpegError as error:
                self.error = broke_off(error)

    def _step(self):
        self.shown, self.next = self.next, next(self.decoded, None)

    def at(self, time, end):
        """The frames that are shown at `time` `[R]`, ascending, and which of them there are: none at or behind `end`."""
        frames, found = np.zeros((len(time), self.size, self.size, 3), np.uint8), np.zeros(len(time), bool)
        drawn, picture = None, None
        for i, t in enumerate(time):
            if not -self.half <= t < end - self.half / 2 + 1e-9:
                continue
            if self.shown is not None and t + self.half < self.shown[0]:
                self._begin()
            while self.next is not None and self.next[0] <= t + self.half:
                self._step()
            due = self.times[np.searchsorted(self.times, t + self.half, "right") - 1]
            if self.shown is None or abs(self.shown[0] - due) > 1e-4:
                continue
            if drawn is not self.shown:
                drawn = self.shown
                picture = drawn[1].reformat(self.size, self.size, "rgb24", interpolation="AREA").to_ndarray()
            frames[i], found[i] = picture, True
        return frames, found


def broke_off(error):
    return f"their video can't be decoded there ({error.strerror})"


def of_images(dataset, size, report):
    """Of images in cells, read row group by row group (Arrow takes one at once); or in the files that the cells, or LeRobot's own folders, name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = dataset.rows["episode_index"].astype(int)
    left = {number: span.stop - span.start for number, span in dataset.spans.items()}
    begun = {}
    for file, path in enumerate(dataset.files):
        mine = np.flatnonzero(dataset.place[:, 0] == file)
        mine = dict(zip(dataset.place[mine, 1].tolist(), mine.tolist()))  # which row of the dataset each of the file's is
        try:
            for inside, cell in enumerate(cells(pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 22), dataset.camera)):
                row = mine.get(inside)
                if row is None:
                    continue
                number = int(numbers[row])
                here = row - dataset.spans[number].start
                if number not in begun:
                    begun[number] = np.zeros((left[number], size, size, 3), np.uint8), np.zeros(left[number], bool)
                frames, there = begun[number]
                try:
                    frames[here] = picture_of(cell, dataset, number, row, size, report)
                    there[here] = True
                except UnreadablePicture as why:
                    report.leave_out("rows", str(why), episode=number, row=here)
                left[number] -= 1
                if left[number] == 0:
                    yield number, *begun.pop(number)
        except (pa.ArrowException, OSError) as error:
            report.leave_out("files", broken(path, error), file=dataset.relative(path))
    for number, (frames, there) in begun.items():  # of whose files one broke off
        yield number, frames, there


def cells(parquet, column):
    """The cells of a column, a few in memory at a time; None of each row where there is no such column."""
    if column not in parquet.schema_arrow.names:
        yield from [None] * parquet.metadata.num_rows
        return
    for batch in parquet.iter_batches(BATCH, columns=[column]):
        for cell in batch.column(0):
            yield cell.as_py()


class UnreadablePicture(Exception):
    pass


def picture_of(cell, dataset, number, row, size, report):
    """A cell, `{bytes, path}`, bytes, a path, or numbers `[H, W, 3]` or `[3, H, W]`, as `[size, size, 3]` uint8."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(cell, (list, tuple)):
        image, deep = Image.fromarray(of_numbers(np.asarray(cell))), False
    else:
        data, path = cell if isinstance(cell, bytes) else None, cell if isinstance(cell, str) else None
        if isinstance(cell, dict):
            data, path = cell.get("bytes"), cell.get("path")
        source = io.BytesIO(data) if data else file_of(path, dataset, number, int(dataset.rows["frame_index"][row]))
        try:
            image = Image.open(source)
            deep = ";16" in str(image.tile)
            image.load()
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise UnreadablePicture(f"their picture can't be read ({type(error).__name__})") from None
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        raise UnreadablePicture("their picture has one channel of more than 8 bits, as a depth map has: a world is of 8-bit colour")
    if deep:
        report.note(f"{dataset.camera}: pictures of 16 bits a channel are read as of 8")
    if mode != "RGB":
        report.note(f"{dataset.camera}: pictures of mode {mode} are read as RGB" + (", without what they say of transparency" if mode in ("RGBA", "LA", "PA") else ""))
        image = image.convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BOX))


def of_numbers(numbers):
    """`[H, W, 3]` or `[3, H, W]` of integers to 255, or of floats to 1, as `[H, W, 3]` uint8."""
    if numbers.ndim == 2:
        numbers = np.repeat(numbers[..., None], 3, 2)
    if numbers.ndim != 3 or 3 not in (numbers.shape[0], numbers.shape[2]) or numbers.dtype.kind not in "iuf":
        raise UnreadablePicture(f"their picture is an array of shape {list(numbers.shape)}, and not [H, W, 3] or [3, H, W]")
    if numbers.shape[2] != 3:
        numbers = numbers.transpose(1, 2, 0)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 255:
        raise UnreadablePicture("their picture has numbers outside 0 to 255")
    return np.round(numbers * 255 if numbers.dtype.kind == "f" and numbers.max() <= 1 else numbers).astype(np.uint8)


def file_of(path, dataset, number, frame):
    """The file of a row's image: where the cell says, or where LeRobot keeps it."""
    usual = f"images/{dataset.camera}/episode_{number:06d}/frame_{frame:06d}"
    tried = [dataset.folder / path] if path else []
    tried += [dataset.folder / f"{usual}.{end}" for end in ("png", "jpg", "jpeg")]
    for file in tried:
        if file.exists():
            return file
    raise UnreadablePicture(f"their picture is not there (no bytes, and no {'file of their path' if path else 'path'})")
