using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Small files that are on the disk when the call returns.</summary>
internal static partial class DurableFile
{
    public static void Write(string path, string text)
    {
        using FileStream stream = File.Create(path);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }

    public static void Copy(string from, string to)
    {
        using FileStream source = File.OpenRead(from), target = File.Create(to);
        source.CopyTo(target);
        target.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Brings a folder's entries to the disk: the names of new files, a rename. .NET opens no folders, so this asks the system;
    /// Windows writes entries with the files.
    /// </summary>
    /// <exception cref="IOException">The disk could not take them.</exception>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        int folder = Open(path, 0);
        if (folder < 0) throw new IOException($"{path} cannot be opened ({Marshal.GetLastPInvokeErrorMessage()})");
        int failed = Flush(folder);
        string message = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(folder);

        // Some file systems have nothing to flush for a folder and say that the call is invalid.
        const int Invalid = 22;
        if (failed != 0 && Marshal.GetLastPInvokeError() is not Invalid) throw new IOException($"{path} cannot be flushed ({message})");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
