"""A driver that somebody else made moves a volume through one of our twins.

Run by an interpreter that has it (`build/third-party`), as `drive.py NAME PORT` with one of nesp,
new-era, cavro and pylabrobot. Prints what it believes to have moved, as JSON.
"""

import asyncio
import json
import sys
import time

import labmcp_cavro.driver as cavro
import labmcp_new_era.driver as new_era
import nesp_lib
from labmcp.transports.serial import SerialTransport
from pylabrobot.pumps.cole_parmer import MasterflexBackend


def nesp(port: str) -> dict[str, float]:
    """NESP-Lib: safe mode, and back to Basic mode."""
    with nesp_lib.Port(port, 19_200) as line:
        pump = nesp_lib.Pump(line, safe_mode_timeout_s=10)
        pump.syringe_diameter_mm = 14.43
        pump.pumping_direction = nesp_lib.PumpingDirection.INFUSE
        pump.pumping_volume_ml = 0.4
        pump.pumping_rate_ml_per_min = 5.0
        pump.run()
        infused = pump.volume_infused_ml
        pump.safe_mode_timeout_s = 0
        return {"infused_ml": infused, "model": pump.model_number}


def labmcp_new_era(port: str) -> dict[str, float]:
    """The driver of labmcp-new-era, in Basic mode."""
    line = SerialTransport(port, baudrate=19_200, read_termination="\x03", write_termination="\r")
    pump = new_era.NewEraPump(line)
    pump.identify()
    pump.set_diameter(11.99)
    pump.clear_dispensed()
    pump.start_pumping("INF", 0.4, 4.0)
    while pump.status().prompt == "I":
        time.sleep(0.01)
    infused, _, unit = pump.dispensed()
    line.close()
    return {"infused_ml": infused * (1e-3 if unit == "UL" else 1.0)}


def labmcp_cavro(port: str) -> dict[str, float]:
    """The driver of labmcp-cavro: initialise, draw in, give out."""
    line = SerialTransport(port, read_termination="\x03\r\n", write_termination="\r")
    pump = cavro.CavroPump(line)
    pump.initialize()
    pump.move_valve("I")
    pump.move_plunger("P", 2400, 1200, 10.0)
    drawn = pump.plunger_steps()
    pump.move_valve("O")
    pump.move_plunger("D", 2400, 1200, 10.0)
    left = pump.plunger_steps()
    line.close()
    return {"drawn_ul": drawn / 6, "left_ul": left / 6}


async def pylabrobot(port: str) -> dict[str, float]:
    """PyLabRobot's Masterflex backend. A pseudo-terminal has neither seven bits nor parity."""
    backend = MasterflexBackend(port)
    backend.io.bytesize, backend.io.parity = 8, "N"
    await backend.setup()
    await asyncio.sleep(0.1)
    await backend.send_command("S+100")
    await backend.run_revolutions(0.5)
    await asyncio.sleep(0.5)
    await backend.halt()
    await asyncio.sleep(0.1)
    await backend.stop()
    return {"revolutions": 0.5}


if __name__ == "__main__":
    name, port = sys.argv[1:]
    if name == "pylabrobot":
        print(json.dumps(asyncio.run(pylabrobot(port))))
    else:
        print(
            json.dumps({"nesp": nesp, "new-era": labmcp_new_era, "cavro": labmcp_cavro}[name](port))
        )
